using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.Tests.PubSub;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sidecar.Tests.Reload;

/// <summary>A component loader over scripted components.</summary>
internal sealed class LoaderBench : IAsyncDisposable
{
    public LoaderBench(bool isKubernetes = false, params Component[] first)
    {
        var self = new SidecarInfo("app1", "prod");
        var metrics = new MetricsRegistry(new MetricsOptions(), NullLogger.Instance);
        Statuses = new ResourceStatuses(Time)
        {
            OnChange = all => Readiness.SetFailedComponents([.. all.Values.Where(s => s.HoldsBack).Select(s => s.Name)]),
        };
        Registry.Replace([.. first.Select(c => new ComponentHandle(c, ComponentCatalogue.KindOf(c), Time))]);
        var resolver = new SecretResolver(name => CurrentSecretStore.Find(Registry, name), _ => null, self, isKubernetes);
        var starter = new ComponentStarter(Registry, resolver, self, new Loggers(Log), Time)
        {
            FindProvider = Providers.TryFind,
            Prepare = (handle, metadata) => handle.Metadata = metadata,
        };
        Loader = new ComponentLoader(new SupervisorServices(
            starter, Registry, Statuses, new LoaderMetrics(metrics, self), isKubernetes ? null : text => Fatal ??= text, Log, Time));
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero));

    public ScriptedComponents Providers { get; } = new();

    public ComponentRegistry Registry { get; } = new();

    public ResourceStatuses Statuses { get; }

    public Readiness Readiness { get; } = new();

    public ComponentLoader Loader { get; }

    public LogLines Log { get; } = new();

    /// <summary>What the process would end with.</summary>
    public string? Fatal { get; private set; }

    public static Component Store(string name, string note = "", string type = "state.scripted", long generation = 0, bool ignoreErrors = false)
        => new()
        {
            Metadata = new ObjectMeta { Name = name, Generation = generation, Uid = "u" },
            Spec = new ComponentSpec { Type = type, Version = "v1", IgnoreErrors = ignoreErrors, Metadata = [new NameValuePair { Name = "note", Value = note }] },
        };

    /// <summary>One whose note is a secret of the store <c>vault</c>.</summary>
    public static Component WithSecret(string name, string secret)
        => new()
        {
            Metadata = new ObjectMeta { Name = name },
            Auth = new ResourceAuth { SecretStore = "vault" },
            Spec = new ComponentSpec
            {
                Type = "state.scripted",
                Version = "v1",
                Metadata = [new NameValuePair { Name = "note", SecretKeyRef = new SecretKeyRef { Name = secret } }],
            },
        };

    /// <summary>A started loader.</summary>
    public static async Task<LoaderBench> StartAsync(params Component[] first)
    {
        var bench = new LoaderBench(first: first);
        await bench.Loader.StartAsync();
        return bench;
    }

    public ComponentHandle? Find(string name) => Registry.All.FirstOrDefault(h => h.Name == name);

    public ResourceState? StateOf(string name) => Statuses.All.GetValueOrDefault(("Component", name))?.State;

    /// <summary>The note of the instance that serves.</summary>
    public string? NoteOf(string name) => (Find(name)?.Instance as ScriptedComponent)?.Metadata?.Items.GetValueOrDefault("note");

    public Task UntilAsync(Func<bool> condition, string what) => PubSubBench.UntilAsync(condition, what);

    /// <summary>Waits for a note to serve.</summary>
    public Task ServesAsync(string name, string note) => UntilAsync(() => NoteOf(name) == note && StateOf(name) == ResourceState.Ready, $"{name} to serve {note}");

    public ValueTask DisposeAsync() => Loader.DisposeAsync();

    private sealed class Loggers(ILogger log) : ILoggerFactory
    {
        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
