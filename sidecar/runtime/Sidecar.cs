using DaprK8s.Common.Hosting;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.Security;
using DaprK8s.Sidecar.State;
using DaprK8s.Sidecar.Tracing;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The composition of one sidecar: every part, made once, in the order in which they depend on each other. Nothing runs until
/// <see cref="SidecarLife"/> starts it.
/// </summary>
internal sealed class Sidecar
{
    public Sidecar(
        SidecarOptions options, Configuration configuration, ResourceSet resources, Listeners listeners, ShutdownRequest shutdownRequest, ILoggerFactory loggers,
        TimeProvider time)
    {
        ShutdownRequest = shutdownRequest;
        Options = options;
        Resources = resources;
        Listeners = listeners;
        Loggers = loggers;
        Time = time;
        var spec = configuration.Spec;
        Self = new SidecarInfo(options.AppId, options.Namespace);
        var metricSpec = MetricsSetup.Merge(spec);
        Metrics = new MetricsRegistry(MetricsSetup.Options(metricSpec), loggers.CreateLogger("dapr.metrics"));
        var paths = new HttpPathLabel(metricSpec.Http);
        TracingSettings = TracingSettings.Read(spec.Tracing, Environment.GetEnvironmentVariable);
        var tracer = new Tracer(TracingSettings.Mode, Self.AppId);
        IResiliency resiliency = NoResiliency.Instance;

        Registry = new ComponentRegistry();
        Registry.Replace(new ComponentCatalogue(Self, spec.Components?.Deny ?? [], time, loggers.CreateLogger("dapr.runtime.processor"))
            .Choose(StrictSandbox.Apply(spec.Wasm, resources.Components)));
        var componentMetrics = new ComponentMetrics(Metrics, Self);
        var road = new ComponentRoad(resiliency, componentMetrics, time);
        var resolver = new SecretResolver(
            name => Registry.Find(ComponentKind.SecretStore, name)?.Instance as ISecretStore, Environment.GetEnvironmentVariable, Self, isKubernetes: false);
        var scopes = CreateScopes(spec.Secrets);
        var state = new StateBlock(Registry, road, Self);
        var secrets = new SecretsBlock(Registry, road, scopes);
        Loader = new ComponentLoader(
            Registry, resolver, Self, new LoaderMetrics(Metrics, Self), detail => ShutdownRequest.Request(ShutdownCause.Fatal, detail), loggers, time)
        {
            Prepare = (handle, metadata) =>
            {
                handle.Metadata = metadata;
                if (handle.Kind == ComponentKind.State)
                {
                    state.Prepare(handle, metadata);
                }
            },
        };

        var pipelineLogger = loggers.CreateLogger("dapr.runtime.middleware");
        var appPipeline = HttpPipeline.Create("appHttpPipeline", spec.AppHttpPipeline, Registry, pipelineLogger) is { } handlers
            ? new OutboundPipeline(handlers, pipelineLogger)
            : null;
        var appMetrics = new AppMetrics(Metrics, Self, paths);
        App = CreateApp(appMetrics, appPipeline, out var probe);
        Resolution = new NameResolution { InternalPort = listeners.InternalPort };
        var hostAddress = HostAddress.Determine(Environment.GetEnvironmentVariable("DAPR_HOST_IP"));
        NameResolver = new NameResolverLoader(
            spec.NameResolution, Self, Resolution,
            new Announcement(Self.AppId, Self.Namespace, AnnouncedAddress(hostAddress), listeners.InternalPort, options.Listen.HttpPort, options.App.Port),
            loggers, time);
        Externals = new ExternalTargets(appPipeline);
        Endpoints = new EndpointLoader(resolver, Self, Externals, loggers.CreateLogger("dapr.runtime"));
        Security = options.Security is { } security ? new SidecarSecurity(security, Self, Metrics, loggers, time) : null;
        listeners.InternalTls = Security?.InternalPort;
        Peers = new Peers(options.App, Security?.Identity);
        var addresses = new PeerAddresses(Resolution, Self, time);
        var maxMessage = options.Listen.MaxBodyBytes > 0 ? options.Listen.MaxBodyBytes : int.MaxValue;
        var invocationMetrics = new InvocationMetrics(Metrics, Self);
        var invoker = new Invoker(
            Self, new CallerHeaders(Self, hostAddress), App, Externals, addresses, new PeerCall(Peers, maxMessage), resiliency, invocationMetrics, time);
        var gate = CreateGate(spec.AccessControl);
        var proxy = new GrpcProxy(Self, App, gate, Peers, addresses, tracer);

        var settings = new PubSubSettingsCache(Self);
        var brokers = new BrokerRoad(resiliency, settings, Self);
        var pubsub = new PubSubBlock(Registry, brokers, componentMetrics, Self, time);
        var reader = new SubscriptionReader(NoRouteMatchers.Instance, loggers.CreateLogger("dapr.runtime"));
        Subscriptions = new SubscriptionCatalog(reader, Self);
        var deliveries = new DeliveryServices(brokers, resiliency, componentMetrics, tracer, time, loggers.CreateLogger("dapr.runtime.pubsub"));
        var streams = new SubscriptionStreams(Registry, Subscriptions, settings, deliveries);
        SubscriptionHost = new SubscriptionHost(
            App, Registry, Subscriptions, new SubscriptionDiscovery(App, reader, Self, time, loggers.CreateLogger("dapr.runtime")), streams, settings,
            deliveries, options.App.SkipSubscribeEndpoint);
        AppWatch = CreateWatch(probe);

        EnabledFeatures = Features.Enabled(spec.Features);
        var metadata = new SidecarMetadata(
            Self, options.App, Registry, Externals, EnabledFeatures,
            [.. resources.Others.Where(o => o.Kind == "Resiliency" && o.IsInScope(Self.AppId)).Select(o => o.Name)]);
        var shutdown = new Shutdown(ShutdownRequest, time, loggers.CreateLogger("dapr.runtime"));
        var apiLog = new ApiLog(options.ApiLogging, spec.Logging?.ApiLogging, loggers, time);
        var errorCodes = new ErrorCodeMetric(Metrics, Self, metricSpec.RecordErrorCodes ?? false);
        ApiRoute[] routes =
        [
            .. new SystemRoutes(Self, Readiness, metadata, Subscriptions, shutdown).Routes, .. new StateRoutes(state).Routes,
            .. new SecretRoutes(secrets).Routes, .. new PubSubRoutes(pubsub).Routes, .. AbsentRoutes.All,
        ];
        var access = ApiAccess.ForHttp(spec.Api);
        var allowed = routes.Where(access.Allows).ToArray();
        var token = new ApiToken(options.Listen.ApiToken);
        var http = new HttpSurface(
            new ApiRouter(allowed), new ApiRouter(allowed.Where(r => r.IsPublic)),
            access.Allows(new ApiRoute("*", "v1.0", "invoke/*", "InvokeService", "invoke", null!)) ? new InvocationEndpoint(invoker) : null,
            token, Cors.Create(options.Listen.AllowedOrigins), HttpPipeline.Create("httpPipeline", spec.HttpPipeline, Registry, pipelineLogger), tracer, new HttpServerMetrics(Metrics, Self, paths), errorCodes, apiLog,
            options.Listen.MaxBodyBytes > 0 ? new BodyLimit(options.Listen.MaxBodyBytes) : null, options.Listen.ReadBufferBytes, time,
            loggers.CreateLogger("dapr.runtime.http"));
        var grpc = new GrpcSurface(new GrpcAccess(spec.Api), token, tracer);
        var internalServer = new InternalServer(Self, App, gate, proxy, invocationMetrics, tracer, maxMessage);
        var methods = new GrpcMethods(
            new ApiCallObserver(new GrpcServerMetrics(Metrics, Self), errorCodes, apiLog),
            options.Listen.MaxBodyBytes >= 0 ? options.Listen.MaxBodyBytes : int.MaxValue, time, loggers.CreateLogger("dapr.runtime.grpc.api"));
        new DaprService(state, secrets, pubsub, streams, invoker, metadata, Subscriptions, shutdown).AddTo(methods);
        var metricsEndpoint = new MetricsEndpoint(Metrics);
        Web = new WebServer(options.Listen, listeners, loggers, context => context.Features.Get<SurfaceFeature>()?.Kind switch
        {
            SurfaceKind.Http => http.HandleAsync(context),
            SurfaceKind.Internal => internalServer.HandleAsync(context).AsTask(),
            SurfaceKind.Public => http.HandlePublicAsync(context),
            SurfaceKind.Metrics => metricsEndpoint.HandleAsync(context),
            _ => grpc.HandleAsync(context, async passed =>
            {
                if (!await methods.TryServeAsync(passed))
                {
                    await proxy.FromClientAsync(passed);
                }
            }),
        });
        ProcessMetrics.Register(Metrics);
        foreach (var warning in scopes.Warnings(name => Registry.Find(ComponentKind.SecretStore, name) is not null))
        {
            loggers.CreateLogger("dapr.runtime").LogWarning("{Warning}", warning);
        }
    }

    public SidecarOptions Options { get; }

    public SidecarInfo Self { get; }

    public ResourceSet Resources { get; }

    public Listeners Listeners { get; }

    public ILoggerFactory Loggers { get; }

    public TimeProvider Time { get; }

    public MetricsRegistry Metrics { get; }

    public TracingSettings TracingSettings { get; }

    public ComponentRegistry Registry { get; }

    public ComponentLoader Loader { get; }

    public AppChannel App { get; }

    public AppWatch AppWatch { get; }

    public NameResolution Resolution { get; }

    public NameResolverLoader NameResolver { get; }

    public ExternalTargets Externals { get; }

    public EndpointLoader Endpoints { get; }

    public Peers Peers { get; }

    /// <summary>The identity, with mTLS.</summary>
    public SidecarSecurity? Security { get; }

    public SubscriptionCatalog Subscriptions { get; }

    public SubscriptionHost SubscriptionHost { get; }

    public IReadOnlyList<string> EnabledFeatures { get; }

    public Readiness Readiness { get; } = new();

    public ShutdownRequest ShutdownRequest { get; }

    public WebServer Web { get; }

    private AppChannel CreateApp(AppMetrics metrics, OutboundPipeline? pipeline, out AppHealthProbe? probe)
    {
        var app = Options.App;
        probe = null;
        if (!app.HasApp)
        {
            return new AppChannel(app, null, null, null);
        }

        var connections = new AppConnections(app, Options.Listen.ReadBufferBytes);
        var concurrency = new AppConcurrency(app.MaxConcurrency);
        var grpc = app.IsGrpc ? new GrpcApp(app, connections, concurrency, metrics, Options.Listen.MaxBodyBytes, Time) : null;
        var http = app.IsGrpc ? null : new HttpApp(app, connections, concurrency, pipeline, metrics, Time)
        {
            MaxAnswerBytes = Options.Listen.MaxBodyBytes > 0 ? Options.Listen.MaxBodyBytes : long.MaxValue,
        };
        probe = app.Health is { } health ? new AppHealthProbe(app, health, connections, grpc, metrics, Time) : null;
        return new AppChannel(app, connections, http, grpc);
    }

    private AppWatch CreateWatch(AppHealthProbe? probe)
        => new(App, probe, Time, Loggers.CreateLogger("dapr.runtime"))
        {
            OnHealthy = SubscriptionHost.StartAsync,
            OnUnhealthy = _ => SubscriptionHost.StopAsync(),
            OnDiscovered = () => Readiness.Done("runtime"),
        };

    private System.Net.IPAddress AnnouncedAddress(System.Net.IPAddress host)
        => Options.Listen.InternalGrpcAddress is "127.0.0.1" or "localhost" ? System.Net.IPAddress.Loopback
            : Options.Listen.InternalGrpcAddress is "[::1]" or "::1" ? System.Net.IPAddress.IPv6Loopback : host;

    private AccessGate CreateGate(AccessControlSpec? spec)
    {
        var logger = Loggers.CreateLogger("dapr.acl");
        return new AccessGate(AccessListReader.Read(spec, !Options.App.IsGrpc, logger), new AccessMetrics(Metrics), logger);
    }

    private static SecretScopes CreateScopes(SecretsSpec? spec)
    {
        try
        {
            return SecretScopes.Create(spec);
        }
        catch (ResourceException e)
        {
            throw new FatalException(e.Message, e);
        }
    }
}
