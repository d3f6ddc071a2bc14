using System.Text;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>A state block with one store named <c>store</c> and both surfaces in front of it.</summary>
internal sealed class StateBench
{
    private readonly MetricsRegistry metrics = new(new MetricsOptions(), NullLogger.Instance);

    public StateBench(string keyPrefix = "appid", IResiliency? resiliency = null, string @namespace = "prod")
    {
        var self = new SidecarInfo("app1", @namespace);
        Assert.True(ProviderCatalog.TryFind("state.in-memory", "v1", out var provider));
        Store = new ScriptedStateStore((ITransactionalStateStore)provider.Describe().Create());
        Handle = new ComponentHandle(Resource("store", ("keyPrefix", keyPrefix)), ComponentKind.State, TimeProvider.System);
        Registry.Replace([Handle]);
        var road = new ComponentRoad(resiliency ?? NoResiliency.Instance, new ComponentMetrics(metrics, self), TimeProvider.System);
        Block = new StateBlock(Registry, road, self);
        Http = new HttpProbe(new StateRoutes(Block).Routes);
        Grpc = GrpcProbe.Service(Block, new SecretsBlock(Registry, road, SecretScopes.None));
    }

    public ComponentRegistry Registry { get; } = new();

    public ComponentHandle Handle { get; }

    public ScriptedStateStore Store { get; }

    public StateBlock Block { get; }

    public HttpProbe Http { get; }

    public DaprService Grpc { get; }

    public CallContext Call { get; } = new();

    public static async Task<StateBench> ReadyAsync(string keyPrefix = "appid", IResiliency? resiliency = null, string @namespace = "prod")
    {
        var bench = new StateBench(keyPrefix, resiliency, @namespace);
        var context = new ComponentContext
        {
            Name = "store", Type = "state.in-memory", Version = "v1", Metadata = new ComponentMetadata([]), Logger = NullLogger.Instance,
        };
        await bench.Store.InitAsync(context, TestContext.Current.CancellationToken);
        bench.Handle.MarkReady(bench.Store);
        return bench;
    }

    public static Component Resource(string name, params (string Name, string Value)[] metadata)
        => new()
        {
            Metadata = new ObjectMeta { Name = name },
            Spec = new ComponentSpec
            {
                Type = "state.in-memory",
                Version = "v1",
                Metadata = [.. metadata.Select(m => new NameValuePair { Name = m.Name, Value = m.Value })],
            },
        };

    /// <summary>What the store holds under a stored key, as text; null when there is nothing.</summary>
    public async Task<string?> StoredAsync(string key)
    {
        var item = await Store.GetAsync(new StateGet(key), TestContext.Current.CancellationToken);
        return item.Value.IsEmpty ? null : Encoding.UTF8.GetString(item.Value.Span);
    }

    /// <summary>The metrics page.</summary>
    public async Task<string> MetricsAsync()
    {
        var page = new MemoryStream();
        await metrics.WriteAsync(page, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(page.ToArray());
    }
}

/// <summary>Tries a number of times whatever fails, but for what is said to be permanent.</summary>
internal sealed class RetryingPolicy(int attempts) : IResiliency, IPolicy
{
    public int Attempts { get; private set; }

    public bool MayRetry => true;

    public IPolicy? ForComponent(ComponentHandle component, FlowDirection direction) => this;

    public IPolicy? ForApp(string target, string operation) => null;

    public async ValueTask<TResult> RunAsync<TState, TResult>(
        Func<TState, CancellationToken, ValueTask<TResult>> attempt, TState state, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                Attempts++;
                return await attempt(state, cancellationToken);
            }
            catch (Exception e) when (e is not PermanentFailureException && Attempts < attempts)
            {
            }
        }
    }
}
