using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Metrics;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Oidc;
using DaprK8s.Sentry.Rotation;
using DaprK8s.Sentry.Validators;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>A sentry from start to stop: loads the authority, opens the ports, keeps everything up to date.</summary>
internal sealed class SentryRun(SentryOptions options, ISentryPlatform platform, ILoggerFactory loggers, TimeProvider time)
{
    // The largest request: a signing request, a token and audiences.
    private const int MaxMessageBytes = 1 << 20;

    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(10);

    private readonly ILogger logger = loggers.CreateLogger("dapr.sentry");

    /// <summary>Runs until cancellation.</summary>
    /// <exception cref="Exception">It can't start, or something that must run has ended.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var configuration = SentryConfiguration.Read(await platform.LoadConfigurationAsync(cancellationToken));
        var registry = new MetricsRegistry(new MetricsOptions(), logger);
        ProcessMetrics.Register(registry);
        var metrics = new SentryMetrics(registry, time, configuration.ClockSkew);
        var validators = new ValidatorTable(platform.Validator, configuration.TokenValidators, spec => CreateJwks(spec.Options));
        if (validators.Enabled.Any(v => v is InsecureValidator))
        {
            logger.LogWarning("the insecure validator is on: everybody who reaches this sentry gets whatever identity is asked for; for development only");
        }

        var profile = new CaProfile(options.Id, configuration.ClockSkew);
        var policy = new RotationPolicy(configuration.CertificateLifetime, configuration.ClockSkew, options.Propagation, options.RotatesRoots);
        var authority = new Authority(new BundleSource(platform.Store, profile, options.Jwt, time, logger), policy, options.Jwt, metrics, time, logger);
        await using var loops = new Loops(cancellationToken);

        // The Kubernetes validator fills its caches while the authority loads.
        foreach (var validator in validators.Enabled)
        {
            loops.Start(validator.RunAsync);
        }

        ServiceServer? server = null;
        try
        {
            await LoadAsync(authority, cancellationToken);
            var oidc = options.Oidc is { } o ? new OidcServer(o, new OidcEndpoint(o, options.Jwt, () => authority.Current?.Bundle.Jwt), loggers, time) : null;
            server = new ServiceServer(CreatePorts(authority, validators, oidc, registry, metrics, () => server is { IsRunning: true }), loggers);
            await server.StartAsync(time, cancellationToken);
            logger.LogInformation("Running gRPC server on port {Port}", options.Port);

            loops.Start(stop => authority.WatchAsync(platform.Store, stop));
            loops.Start(stop => new RotationLoop(platform.Store, new RootRotation(profile, policy), platform.Events, time, logger)
                .RunAsync(() => authority.Current!.Bundle, () => authority.Changed, authority.ReloadAsync, stop));
            if (oidc is not null)
            {
                loops.Start(oidc.RunAsync);
            }

            await loops.WatchAsync();
        }
        finally
        {
            if (server is not null)
            {
                using var limit = new CancellationTokenSource(ShutdownLimit, time);
                await server.StopAsync(limit.Token);
                await server.DisposeAsync();
            }
        }
    }

    private static async Task LoadAsync(Authority authority, CancellationToken cancellationToken)
    {
        try
        {
            await authority.StartAsync(cancellationToken);
        }
        catch (Exception e) when (e is CaBundleException or CaStoreException)
        {
            throw new CaBundleException($"failed to get CA bundle: {e.Message}");
        }
    }

    private List<ServicePort> CreatePorts(
        Authority authority, ValidatorTable validators, OidcServer? oidc, MetricsRegistry registry, SentryMetrics metrics, Func<bool> isRunning)
    {
        var service = new SigningService(
            validators, authority, options.Id, ClusterDomain.Find() ?? options.TrustDomain, metrics, time, loggers.CreateLogger("dapr.sentry.server"));
        var methods = new GrpcMethods(service, MaxMessageBytes, time, logger);
        service.Register(methods);
        var health = new HealthTargets(logger);
        health.Add("sentry-server", isRunning);
        health.Add("security-provider", () => authority.Current is not null);
        foreach (var validator in validators.Enabled.Where(v => v.HealthTarget.Length > 0))
        {
            health.Add(validator.HealthTarget, () => validator.IsReady);
        }

        if (oidc is not null)
        {
            health.Add("oidc-server", () => oidc.IsRunning);
        }

        var identity = new OwnIdentity(authority, options.Id, metrics, time, logger);
        List<ServicePort> ports =
        [
            ServicePort.Grpc(options.ListenAddress, options.Port, methods, new TlsTransport(identity, rule: null, time, loggers.CreateLogger("dapr.security"))),
            ServicePort.Health(options, health),
        ];
        if (options.MetricsEnabled)
        {
            ports.Add(ServicePort.Metrics(options, registry));
        }

        return ports;
    }

    private JwksValidator CreateJwks(System.Text.Json.JsonElement spec)
        => new(new JwksSource(JwksOptions.Read(spec), time, loggers.CreateLogger("dapr.sentry.validator.jwks")), options.Id, time);
}
