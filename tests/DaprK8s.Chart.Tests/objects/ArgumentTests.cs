using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>What the processes are started with, in order (contract: k8s 4.5).</summary>
public sealed class ArgumentTests
{
    private const string Metrics = "--enable-metrics --metrics-port 9090";

    [Theory]
    [InlineData("", $"--watch-interval 0 --max-pod-restarts-per-minute 20 --log-level info --trust-anchors-file /var/run/secrets/dapr.io/tls/ca.crt {Metrics}")]
    [InlineData(
        "global.logAsJson=true,global.prometheus.enabled=false,global.argoRolloutServiceReconciler.enabled=true,global.operator.watchdogCanPatchPodLabels=true,dapr_operator.watchInterval=1m,dapr_operator.maxPodRestartsPerMinute=5,dapr_operator.logLevel=debug,dapr_operator.watchNamespace=apps,dapr_operator.serviceReconciler.enabled=false,dapr_operator.validation.allowedTypes={state.own,pubsub.own}",
        "--watch-interval 1m --max-pod-restarts-per-minute 5 --log-level debug --trust-anchors-file /var/run/secrets/dapr.io/tls/ca.crt --log-as-json --enable-metrics=false --watch-namespace apps --disable-service-reconciler --enable-argo-rollout-service-reconciler --watchdog-can-patch-pod-labels --validation-allowed-types=state.own,pubsub.own")]
    public void The_operator(string values, string arguments) => Check("Deployment", "dapr-operator", values, arguments);

    [Theory]
    [InlineData("", $"--mode kubernetes --log-level info {Metrics} --trust-domain cluster.local")]
    [InlineData(
        "global.logAsJson=true,global.prometheus.port=9191,global.mtls.controlPlaneTrustDomain=example.org,global.issuerFilenames.ca=a,global.issuerFilenames.cert=b,global.issuerFilenames.key=c,dapr_sentry.jwt.enabled=true,dapr_sentry.oidc.enabled=true,dapr_sentry.extraArgs={--one=1,--two}",
        "--mode kubernetes --log-level info --log-as-json --enable-metrics --metrics-port 9191 --trust-domain example.org --issuer-ca-filename a --issuer-certificate-filename b --issuer-key-filename c --jwt-enabled=true --oidc-enabled=true --oidc-server-listen-address=0.0.0.0 --oidc-server-tls-enabled=true --one=1 --two")]
    [InlineData(
        "dapr_sentry.jwt.enabled=true,dapr_sentry.jwt.keyFilename=k,dapr_sentry.jwt.jwksFilename=s,dapr_sentry.jwt.issuer=i,dapr_sentry.jwt.signingAlgorithm=ES256,dapr_sentry.jwt.keyID=n,dapr_sentry.oidc.enabled=true,dapr_sentry.oidc.jwksURI=u,dapr_sentry.oidc.pathPrefix=/p,dapr_sentry.oidc.allowedHosts={a,b},dapr_sentry.oidc.tls.certFile=c,dapr_sentry.oidc.tls.keyFile=d,dapr_sentry.oidc.tls.enabled=false",
        $"--mode kubernetes --log-level info {Metrics} --trust-domain cluster.local --jwt-enabled=true --jwt-key-filename=k --jwks-filename=s --jwt-issuer=i --jwt-signing-algorithm=ES256 --jwt-key-id=n --oidc-enabled=true --oidc-server-listen-address=0.0.0.0 --oidc-jwks-uri=u --oidc-path-prefix=/p --oidc-allowed-hosts=a,b --oidc-server-tls-cert-file=c --oidc-server-tls-key-file=d --oidc-server-tls-enabled=false")]
    public void Sentry(string values, string arguments) => Check("Deployment", "dapr-sentry", values, arguments);

    [Theory]
    [InlineData(Charts.AllServices, $"--log-level info {Metrics} --healthz-port 8080 --scheduler-enabled=true")]
    [InlineData("global.logAsJson=true,dapr_sidecar_injector.healthzPort=8081", $"--log-level info --log-as-json {Metrics} --healthz-port 8081 --scheduler-enabled=false")]
    public void The_injector(string values, string arguments) => Check("Deployment", "dapr-sidecar-injector", values, arguments);

    [Theory]
    [InlineData(Charts.AllServices, $"--log-level info --replicationFactor=100 --max-api-level=10 --min-api-level=0 --keepalive-time=2s --keepalive-timeout=3s --disseminate-timeout=8s --disseminate-coalesce-window=0s {Metrics} --tls-enabled --trust-domain=cluster.local --trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt --sentry-address=dapr-sentry.dapr-system.svc.cluster.local:443 --mode=kubernetes")]
    [InlineData(
        Charts.AllServices + ",dapr_placement.ha=true,dapr_placement.metadataEnabled=true,global.logAsJson=true,global.mtls.sentryAddress=sentry:1,global.dnsSuffix=.internal",
        $"--id $(PLACEMENT_ID) --initial-cluster dapr-placement-server-0=dapr-placement-server-0.dapr-placement-server.dapr-system.svc.internal:8201,dapr-placement-server-1=dapr-placement-server-1.dapr-placement-server.dapr-system.svc.internal:8201,dapr-placement-server-2=dapr-placement-server-2.dapr-placement-server.dapr-system.svc.internal:8201 --raft-logstore-path /var/run/dapr/raft-log/cluster-v2-nonroot-$(PLACEMENT_ID) --log-level info --log-as-json --metadata-enabled --replicationFactor=100 --max-api-level=10 --min-api-level=0 --keepalive-time=2s --keepalive-timeout=3s --disseminate-timeout=8s --disseminate-coalesce-window=0s {Metrics} --tls-enabled --trust-domain=cluster.local --trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt --sentry-address=sentry:1 --mode=kubernetes")]
    public void Placement(string values, string arguments) => Check("StatefulSet", "dapr-placement-server", values, arguments);

    private const string SchedulerHead = "--listen-address=0.0.0.0 --id $(SCHEDULER_ID) --etcd-initial-cluster dapr-scheduler-server-0=https://dapr-scheduler-server-0.dapr-scheduler-server.dapr-system.svc.cluster.local:2380,dapr-scheduler-server-1=https://dapr-scheduler-server-1.dapr-scheduler-server.dapr-system.svc.cluster.local:2380,dapr-scheduler-server-2=https://dapr-scheduler-server-2.dapr-scheduler-server.dapr-system.svc.cluster.local:2380";
    private const string SchedulerData = "--etcd-client-port 2379 --etcd-data-dir=/var/run/data/dapr-scheduler/dapr-system/$(SCHEDULER_ID) --etcd-space-quota=9.2E --etcd-compaction-mode=revision --etcd-compaction-retention=1000000";
    private const string SchedulerTail = "--etcd-max-snapshots=10 --etcd-max-wals=10 --etcd-backend-batch-limit=10000 --etcd-backend-batch-interval=100ms --etcd-max-txn-ops=10000 --etcd-experimental-bootstrap-defrag-threshold-megabytes=100 --etcd-initial-election-tick-advance=false --etcd-metrics=basic --tls-enabled --trust-domain=cluster.local --trust-anchors-file=/var/run/secrets/dapr.io/tls/ca.crt --sentry-address=dapr-sentry.dapr-system.svc.cluster.local:443 --mode=kubernetes --workers=2048";

    [Theory]
    [InlineData(Charts.AllServices, $"{SchedulerHead} --etcd-embed=true --log-level info {Metrics} {SchedulerData} --etcd-snapshot-count=100000 {SchedulerTail}")]
    [InlineData(
        Charts.AllServices + ",dapr_scheduler.etcdEmbed=false,dapr_scheduler.etcdClientEndpoints={a:1,b:2},dapr_scheduler.etcdClientUsername=u,dapr_scheduler.etcdClientPassword=p,dapr_scheduler.etcdSnapshotCount=1000000,dapr_scheduler.overrideBroadcastHostPort=h:1",
        $"{SchedulerHead} --etcd-embed=false --etcd-client-endpoints a:1,b:2 --etcd-client-username u --etcd-client-password p --log-level info {Metrics} {SchedulerData} --etcd-snapshot-count=1000000 {SchedulerTail} --override-broadcast-host-port=h:1")]
    public void The_scheduler(string values, string arguments) => Check("StatefulSet", "dapr-scheduler-server", values, arguments);

    private static void Check(string kind, string name, string values, string arguments)
        => Assert.Equal(arguments.Split(' '), Helm.Template("--set", values)[kind, name].Arguments);
}
