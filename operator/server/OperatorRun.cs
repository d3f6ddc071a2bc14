using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Metrics;
using DaprK8s.Operator.Api;
using DaprK8s.Operator.Pods;
using DaprK8s.Operator.Resources;
using DaprK8s.Operator.Reports;
using DaprK8s.Operator.Validation;
using DaprK8s.Operator.Webhooks;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Server;

/// <summary>An operator from start to stop.</summary>
internal sealed class OperatorRun(OperatorOptions options, KubernetesClient client, ILoggerFactory loggers, TimeProvider time)
{
    // A document is at most as large as an object of the cluster, which is 1.5 MB; a list holds many.
    private const int MaxMessageBytes = 64 << 20;

    private const string ValidationPath = "/validate";

    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(5);

    private readonly ILogger logger = loggers.CreateLogger("dapr.operator");

    /// <summary>Makes the keys of our certificates; API servers may accept nothing but RSA (contract: k8s 2.4).</summary>
    public SvidKeys Keys { get; init; } = new(SvidKey.Rsa2048);

    /// <summary>Runs until cancellation.</summary>
    /// <exception cref="Exception">It can't start, or something that must run has ended.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var configuration = await OperatorConfiguration.LoadAsync(client, options.Config, options.Namespace, cancellationToken);
        await using var identity = new ServiceIdentity(
            new ServiceIdentityOptions
            {
                AppId = "dapr-operator",
                Namespace = options.Namespace,
                TrustDomain = configuration.TrustDomain,
                SentryAddress = configuration.SentryAddress,
                TrustAnchorsFile = options.TrustAnchorsFile,
                TokenFile = options.TokenFile,
                Keys = Keys,
            },
            events: null,
            loggers,
            time);
        var registry = new MetricsRegistry(new MetricsOptions(), logger);
        ProcessMetrics.Register(registry);
        var metrics = new OperatorMetrics(registry);
        var feeds = new ResourceFeeds(client, options.Watched, logger, time);
        var pods = new AnnotatedPods(client, options.Watched, logger, time);
        var inlining = new SecretInlining(feeds.Secrets);
        var streams = new UpdateStreams(inlining, loggers.CreateLogger("dapr.operator.api"));
        metrics.Streams = () => streams.Count;
        var webhookCa = new WebhookCa(client, identity.Anchors, options.Namespace, loggers.CreateLogger("dapr.operator.webhooks"), time);
        var reports = new ReportTable();
        metrics.Reports = () => reports.Count;
        ReportRelay? relay = null;
        var election = CreateElection(() => relay?.LeaderChanged());
        metrics.IsLeader = () => election is null || election.IsLeader;
        relay = election is null ? null : new ReportRelay(reports, election, identity, identity.Id, loggers.CreateLogger("dapr.operator.status"), time);

        await using var loops = new Loops(cancellationToken);
        loops.Start(identity.StartAsync);
        feeds.Start(loops);
        loops.Start(pods.RunAsync);
        ServiceServer? server = null;
        try
        {
            var isRunning = () => server is { IsRunning: true };
            var health = CreateHealth(identity, feeds, pods, webhookCa, isRunning);
            server = new ServiceServer(CreatePorts(
                identity, new OperatorService(feeds, pods, inlining, streams), new StatusService(reports, identity.Id, () => metrics.IsLeader()), feeds, registry, health), loggers)
            {
                // A sidecar's connection is idle for days; what sees to it costs each time.
                KeepAlivePing = TimeSpan.FromMinutes(1),
            };
            await server.StartAsync(time, cancellationToken);
            logger.LogInformation("Running gRPC server on port {Port}", options.Port);
            if (options.ServesWebhooks)
            {
                loops.Start(webhookCa.RunAsync);
            }

            if (relay is not null)
            {
                loops.Start(relay.RunAsync);
            }

            var leading = new Leading(options, client, configuration, feeds, pods, reports, metrics, loggers, time);
            loops.Start(election is null ? leading.RunWithoutElectionAsync : stop => election.RunAsync(leading.RunAsync, stop));
            await loops.WatchAsync();
        }
        finally
        {
            // Whoever has a stream goes to another replica; what is asked in the meantime is answered.
            streams.Close();
            if (server is not null)
            {
                using var limit = new CancellationTokenSource(ShutdownLimit, time);
                await server.StopAsync(limit.Token);
                await server.DisposeAsync();
            }
        }
    }

    private LeaderElection? CreateElection(Action changed)
        => options.ElectsLeader
            ? new LeaderElection(
                client,
                new LeaderElectionOptions
                {
                    LeaseName = "operator.dapr.io",
                    Namespace = options.Namespace,
                    Identity = options.Instance,
                    // Empty rather than that of the leader before.
                    Annotations = new Dictionary<string, string> { [LeaderAddress.Annotation] = options.OwnAddress },
                },
                loggers.CreateLogger("dapr.operator.leader"),
                time)
            {
                Changed = changed,
            }
            : null;

    private HealthTargets CreateHealth(ServiceIdentity identity, ResourceFeeds feeds, AnnotatedPods pods, WebhookCa webhooks, Func<bool> isRunning)
    {
        var health = new HealthTargets(logger);
        health.Add("metrics-exporter", isRunning);
        health.Add("security-provider", () => identity.IsReady);
        health.Add("operator-api", isRunning);
        health.Add("operator-webhook", () => !options.ServesWebhooks || webhooks.IsReady);
        health.Add("operator-caches", () => feeds.HaveSynced && pods.HasSynced);
        return health;
    }

    private List<ServicePort> CreatePorts(
        ServiceIdentity identity, OperatorService service, StatusService status, ResourceFeeds feeds, MetricsRegistry registry, HealthTargets health)
    {
        var methods = new GrpcMethods(service, MaxMessageBytes, time, logger);
        service.Register(methods);
        status.Register(methods);
        List<ServicePort> ports =
        [
            ServicePort.Grpc(options.ListenAddress, options.Port, methods, identity.GrpcTls()),
            ServicePort.Health(options, health),
        ];
        if (options.MetricsEnabled)
        {
            ports.Add(ServicePort.Metrics(options, registry));
        }

        if (options.ServesWebhooks)
        {
            // The catalogue is large, and most operators are asked for nothing for days.
            var judge = new Lazy<ResourceJudge>(() => new ResourceJudge(ComponentCatalogue.Load(), options.AllowedTypes, new ClusterResources(feeds)));
            var webhooks = new WebhookRequests(new Dictionary<string, Webhook>
            {
                [ConversionWebhook.Path] = new ConversionWebhook(loggers.CreateLogger("dapr.operator.webhooks")).AnswerAsync,
                [ValidationPath] = (body, stop) => AdmissionReview.AnswerAsync(body, judge.Value, stop),
            });
            ports.Add(ServicePort.Webhook(options.WebhookAddress, options.WebhookPort, webhooks.HandleAsync, identity.WebhookTls()));
        }

        return ports;
    }
}
