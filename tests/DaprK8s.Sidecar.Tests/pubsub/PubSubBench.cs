using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tests.State;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sidecar.Tests.PubSub;

/// <summary>The pub/sub block with one broker named <c>pubsub</c>, both surfaces, and an app.</summary>
internal sealed class PubSubBench
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly MetricsRegistry metrics = new(new MetricsOptions(), NullLogger.Instance);

    public PubSubBench(params (string Name, string Value)[] metadata)
        : this(null, null, metadata)
    {
    }

    public PubSubBench(IAppChannel? app, IResiliency? resiliency, params (string Name, string Value)[] metadata)
    {
        var self = new SidecarInfo("app1", "prod");
        Handle = NewHandle("pubsub", metadata);
        Registry.Replace([Handle]);
        Settings = new PubSubSettingsCache(self);
        var componentMetrics = new ComponentMetrics(metrics, self);
        resiliency ??= NoResiliency.Instance;
        var road = new BrokerRoad(resiliency, Settings, self);
        Block = new PubSubBlock(Registry, road, componentMetrics, self, Time);
        Services = new DeliveryServices(road, resiliency, componentMetrics, new Tracer(TracingMode.Off, self.AppId), Time, Log);
        var reader = new SubscriptionReader(NoRouteMatchers.Instance, Log);
        Catalog = new SubscriptionCatalog(reader, self);
        Streams = new SubscriptionStreams(Registry, Catalog, Settings, Services);
        app ??= new FakeChannel(HttpApp, null);
        NewHost = disabled => new SubscriptionHost(
            app, Registry, Catalog, new SubscriptionDiscovery(app, reader, self, Time, Log), Streams, Settings, Services, disabled);
        Host = NewHost(false);
        Http = new HttpProbe(new PubSubRoutes(Block).Routes);
        Grpc = GrpcProbe.Service(Block, Streams);
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero));

    public ComponentRegistry Registry { get; } = new();

    public ComponentHandle Handle { get; }

    public FakeBroker Broker { get; } = new();

    public FakeHttpApp HttpApp { get; } = new();

    public PubSubSettingsCache Settings { get; }

    public PubSubBlock Block { get; }

    public DeliveryServices Services { get; }

    public SubscriptionCatalog Catalog { get; }

    public SubscriptionStreams Streams { get; }

    public SubscriptionHost Host { get; }

    public Func<bool, SubscriptionHost> NewHost { get; }

    public HttpProbe Http { get; }

    public DaprService Grpc { get; }

    public CallContext Call { get; } = new();

    public LogLines Log { get; } = new();

    public PubSubBench Ready()
    {
        Handle.MarkReady(Broker);
        return this;
    }

    public ComponentHandle NewHandle(string name, params (string Name, string Value)[] metadata)
        => new(
            new Component
            {
                Metadata = new ObjectMeta { Name = name },
                Spec = new ComponentSpec { Type = "pubsub.fake", Metadata = [.. metadata.Select(m => new NameValuePair { Name = m.Name, Value = m.Value })] },
            },
            ComponentKind.PubSub,
            Time);

    /// <summary>The envelope that was published last.</summary>
    public JsonElement Envelope() => JsonDocument.Parse(Broker.Published.Last().Data).RootElement;

    public async Task<string> MetricsAsync()
    {
        using var output = new MemoryStream();
        await metrics.WriteAsync(output, TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    public void Declare(params SubscriptionSpec[] specs)
        => Catalog.LoadDeclarative(specs.Select((s, i) => new Subscription { Metadata = new ObjectMeta { Name = $"s{i}" }, Spec = s }));

    /// <summary>Starts the app's subscriptions and waits for the broker to have one.</summary>
    public async Task<FakeSubscription> SubscribeAsync(SubscriptionSpec spec)
    {
        Declare(spec);
        await Host.StartAsync(TestContext.Current.CancellationToken);
        await UntilAsync(() => !Broker.Subscriptions.IsEmpty, "a subscription at the broker");
        return Broker.Subscriptions.Last();
    }

    /// <summary>Waits for a condition that other tasks bring about.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(started.Elapsed < Patience, $"waited in vain for {what}");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Moves the clock in steps until a task is done.</summary>
    public async Task AdvanceUntilAsync(Task task, TimeSpan step)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (!task.IsCompleted)
        {
            Assert.True(started.Elapsed < Patience, "the clock moved in vain");
            Time.Advance(step);
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        await task;
    }
}

/// <summary>Keeps log lines.</summary>
internal sealed class LogLines : ILogger
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        => Lines.Enqueue((logLevel, formatter(state, exception) + exception));

    public bool Has(string part) => Lines.Any(l => l.Text.Contains(part, StringComparison.Ordinal));
}
