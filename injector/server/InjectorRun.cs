using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Metrics;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Kubernetes;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Server;

/// <summary>
/// An injector from start to stop. Its ports open at once, so that probes are answered; it is ready when it has its certificate, the
/// API server knows under which authority to trust that, and the accounts it works for are known.
/// </summary>
internal sealed class InjectorRun(InjectorOptions options, KubernetesClient client, ILoggerFactory loggers, TimeProvider time)
{
    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(5);

    private readonly ILogger logger = loggers.CreateLogger("dapr.injector");

    /// <summary>Makes the keys of our certificates; API servers may accept nothing but RSA (contract: k8s 3.1).</summary>
    public SvidKeys Keys { get; init; } = new(SvidKey.Rsa2048);

    /// <summary>Runs until cancellation.</summary>
    /// <exception cref="Exception">It can't start, or something that must run has ended.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        foreach (var warning in options.Warnings)
        {
            logger.LogWarning("{Warning}", warning);
        }

        await using var identity = new ServiceIdentity(
            new ServiceIdentityOptions
            {
                AppId = "dapr-injector",
                Namespace = options.Namespace,
                TrustDomain = options.TrustDomain,
                SentryAddress = options.SentryAddress,
                TrustAnchorsFile = options.TrustAnchorsFile,
                TokenFile = options.TokenFile,
                Keys = Keys,
            },
            events: null,
            loggers,
            time);
        var bundle = new WebhookCaBundle(client, identity.Anchors, loggers.CreateLogger("dapr.injector.webhook"), time);
        var accounts = new AllowedAccounts(client, options.Callers, logger, time);
        var health = new HealthTargets(logger);
        await using var server = new ServiceServer(CreatePorts(identity, health), loggers);
        health.Add("injector-service", () => server.IsRunning && accounts.AreKnown);
        health.Add("security-provider", () => identity.IsReady);
        health.Add("webhook-configuration-patch", () => bundle.IsPatched);
        try
        {
            await server.StartAsync(time, cancellationToken);
            logger.LogInformation("Sidecar injector is listening on {Address}:{Port}, patching Dapr-enabled pods", options.ListenAddress, options.Port);
            await using var loops = new Loops(cancellationToken);
            loops.Start(identity.StartAsync);
            loops.Start(accounts.LoadAsync);
            loops.Start(bundle.RunAsync);
            await loops.WatchAsync();
        }
        finally
        {
            using var limit = new CancellationTokenSource(ShutdownLimit, time);
            await server.StopAsync(limit.Token);
        }
    }

    private List<ServicePort> CreatePorts(ServiceIdentity identity, HealthTargets health)
    {
        var registry = new MetricsRegistry(new MetricsOptions(), logger);
        ProcessMetrics.Register(registry);
        var metrics = new InjectorMetrics(registry);
        var facts = new ClusterFacts(client, options.Namespace, identity.Anchors, logger, time);
        var decision = new InjectionDecision(options.Callers, options.Sidecar, facts, metrics, logger);
        var endpoint = new MutateEndpoint(decision, metrics, time, logger);
        List<ServicePort> ports =
        [
            ServicePort.Webhook(options.ListenAddress, options.Port, endpoint.HandleAsync, identity.WebhookTls()),
            ServicePort.Health(options, health),
        ];
        if (options.MetricsEnabled)
        {
            ports.Add(ServicePort.Metrics(options, registry));
        }

        return ports;
    }
}
