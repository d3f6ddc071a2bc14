using System.Net;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>
/// The way of a service invocation in one process: the calling side's HTTP and gRPC APIs, the connection between sidecars under mTLS,
/// the called side's access control, and an app. The caller's certificate says what the test wants.
/// </summary>
internal sealed class GuardedPair : IAsyncDisposable, INameResolver
{
    public const string CallerUri = "spiffe://public/ns/default/caller";

    private const long MaxBytes = 4 << 20;

    private static readonly TimeProvider Time = TimeProvider.System;
    private readonly TestAuthority authority = new();
    private readonly MetricsRegistry registry = new(new MetricsOptions(), NullLogger.Instance);
    private readonly List<IAsyncDisposable> servers = [];
    private string calleeAddress = "";

    /// <summary>The pinned list: only <c>/public</c>, whatever the verb, and only for the caller.</summary>
    public static AccessControlSpec OnlyPublic { get; } = new()
    {
        DefaultAction = "deny",
        TrustDomain = "public",
        Policies =
        [
            new AppPolicySpec
            {
                AppId = "caller", Namespace = "default", TrustDomain = "public", DefaultAction = "deny",
                Operations =
                [
                    new AppOperationSpec { Name = "/public", HttpVerb = ["*"], Action = "allow" },
                    new AppOperationSpec { Name = "/pkg.Open/*", HttpVerb = ["*"], Action = "allow" },
                ],
            },
        ],
    };

    public RecordingApp App { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public GrpcChannel Grpc { get; private set; } = null!;

    /// <summary>Straight to the called sidecar's port, with the caller's certificate.</summary>
    public HttpMessageInvoker Internal { get; private set; } = null!;

    public string CalleeAddress => calleeAddress;

    public int HttpPort => Http.BaseAddress!.Port;

    public static async Task<GuardedPair> StartAsync(bool isGrpcApp, AccessControlSpec? access, string callerUri = CallerUri)
    {
        var pair = new GuardedPair { App = await RecordingApp.StartAsync(isGrpcApp) };
        pair.servers.Add(pair.App);
        await pair.StartCalleeAsync(isGrpcApp, access);
        await pair.StartCallerAsync(callerUri);
        return pair;
    }

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task AnnounceAsync(Announcement self, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask<IReadOnlyList<string>> ResolveAsync(string appId, string @namespace, int port, CancellationToken cancellationToken)
        => new([calleeAddress]);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        Grpc.Dispose();
        Internal.Dispose();
        foreach (var server in Enumerable.Reverse(servers))
        {
            await server.DisposeAsync();
        }

        authority.Dispose();
    }

    private async Task StartCalleeAsync(bool isGrpcApp, AccessControlSpec? access)
    {
        var self = new SidecarInfo("callee", "default");
        var options = new AppOptions { Port = App.Port, Protocol = isGrpcApp ? AppProtocol.Grpc : AppProtocol.Http };
        var (connections, concurrency) = (new AppConnections(options, 4096), new AppConcurrency(-1));
        var metrics = new AppMetrics(registry, self, new HttpPathLabel(null));
        var app = new AppChannel(
            options, connections, isGrpcApp ? null : new HttpApp(options, connections, concurrency, (OutboundPipeline)null!, metrics, Time),
            isGrpcApp ? new GrpcApp(options, connections, concurrency, metrics, MaxBytes, Time) : null);
        var gate = new AccessGate(AccessListReader.Read(access, !isGrpcApp, NullLogger.Instance), new AccessMetrics(registry), NullLogger.Instance);
        var tracer = new Tracer(TracingMode.PassThrough, self.AppId);
        var proxy = new GrpcProxy(self, app, gate, new Peers(options, null), new PeerAddresses(new NameResolution(), self, Time), tracer);
        var server = new InternalServer(self, app, gate, proxy, new InvocationMetrics(registry, self), tracer, MaxBytes);
        var tls = new TlsTransport(authority.Issue("spiffe://public/ns/default/callee"), PeerRule.Any, Time, NullLogger.Instance);
        var web = await ServeAsync(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, l =>
            {
                l.Protocols = HttpProtocols.Http2;
                l.Use(tls.Wrap);
            }), context => server.HandleAsync(context).AsTask());
        calleeAddress = new Uri(web.Urls.Single()).Authority;
    }

    private async Task StartCallerAsync(string uri)
    {
        var self = new SidecarInfo("caller", "default");
        var options = new AppOptions();
        var peers = new Peers(options, authority.Issue(uri));
        var resolution = new NameResolution { Current = this };
        resolution.MarkTried();
        var addresses = new PeerAddresses(resolution, self, Time);
        var app = new AppChannel(options, null, null, null);
        var tracer = new Tracer(TracingMode.PassThrough, self.AppId);
        var invoker = new Invoker(
            self, new CallerHeaders(self, IPAddress.Loopback), app, new ExternalTargets((OutboundPipeline)null!), addresses, new PeerCall(peers, MaxBytes), NoResiliency.Instance,
            new InvocationMetrics(registry, self), Time);
        var (errorCodes, log) = (new ErrorCodeMetric(registry, self, false), new ApiLog(ApiLogSettings.Off, NullLoggerFactory.Instance, Time));
        var surface = new HttpSurface(
            new HttpRoad(new ApiRouter([]), new ApiRouter([]), new InvocationEndpoint(invoker), null), new ApiToken(""), null, tracer,
            new HttpServerMetrics(registry, self, new HttpPathLabel(null)), errorCodes, log, null, 0, Time, NullLogger.Instance);
        var methods = new GrpcMethods(new ApiCallObserver(new GrpcServerMetrics(registry, self), errorCodes, log), MaxBytes, Time, NullLogger.Instance);
        new DaprService(null!, null!, null!, null!, invoker, null!, null!, null!, null!).AddTo(methods);
        var proxy = new GrpcProxy(self, app, new AccessGate((AccessList)null!, new AccessMetrics(registry), NullLogger.Instance), peers, addresses, tracer);

        var http = await ServeAsync(k => k.Listen(IPAddress.Loopback, 0), surface.HandleAsync);
        var grpc = await ServeAsync(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2), async context =>
        {
            if (!await methods.TryServeAsync(context))
            {
                await proxy.FromClientAsync(context);
            }
        });
        Http = new HttpClient { BaseAddress = new Uri(http.Urls.Single()) };
        Grpc = GrpcChannel.ForAddress(grpc.Urls.Single());
        Internal = peers.For(new TargetName("callee", "default"));
    }

    private async Task<WebApplication> ServeAsync(Action<KestrelServerOptions> listen, Microsoft.AspNetCore.Http.RequestDelegate handler)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(listen);
        var server = builder.Build();
        server.Run(handler);
        await server.StartAsync();
        servers.Add(server);
        return server;
    }
}
