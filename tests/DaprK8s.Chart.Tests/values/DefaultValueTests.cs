namespace DaprK8s.Chart.Tests.Values;

/// <summary>Every key and its default (contract: k8s 4.2, 4.3); lines with a + are this chart's own, those with a ! differ from Dapr's.</summary>
public sealed class DefaultValueTests
{
    private const string Global = """
        ! global.registry "ghcr.io/daprk8s"
        global.tag "edge"
        global.dnsSuffix ".cluster.local"
        global.logAsJson false
        global.imagePullPolicy "IfNotPresent"
        global.imagePullSecrets ""
        global.priorityClassName ""
        global.nodeSelector {}
        global.tolerations []
        global.rbac.namespaced false
        global.ha.enabled false
        global.ha.topologyKey "topology.kubernetes.io/zone"
        global.ha.podAntiAffinityPolicy "preferredDuringSchedulingIgnoredDuringExecution"
        global.ha.replicaCount 3
        global.ha.disruption.minimumAvailable ""
        global.ha.disruption.maximumUnavailable "25%"
        global.prometheus.enabled true
        global.prometheus.port 9090
        global.mtls.enabled true
        global.mtls.workloadCertTTL "24h"
        global.mtls.allowedClockSkew "15m"
        global.mtls.controlPlaneTrustDomain "cluster.local"
        global.mtls.mountSentryVolume true
        global.extraVolumes {}
        global.extraVolumeMounts {}
        global.extraContainers {}
        global.initContainers {}
        global.actors.enabled true
        global.actors.serviceName "placement"
        + global.actors.available false
        global.reminders.serviceName ""
        global.scheduler.enabled true
        + global.scheduler.available false
        global.daprControlPlaneOs "linux"
        global.labels {}
        global.seccompProfile ""
        global.k8sLabels.app\.kubernetes\.io/name "{{ .Release.Name }}"
        global.k8sLabels.app\.kubernetes\.io/version "{{ .Values.global.tag }}"
        global.k8sLabels.app\.kubernetes\.io/part-of "dapr"
        global.k8sLabels.app\.kubernetes\.io/managed-by "{{ .Release.Service }}"
        global.k8sLabels.app\.kubernetes\.io/component "{{ .Values.component }}"
        global.issuerFilenames {}
        global.argoRolloutServiceReconciler.enabled false
        global.operator.watchdogCanPatchPodLabels false
        """;

    private const string Service = """
        logLevel "info"
        nameOverride ""
        fullnameOverride ""
        resources {}
        extraEnvVars {}
        livenessProbe.initialDelaySeconds 180
        livenessProbe.periodSeconds 10
        livenessProbe.failureThreshold 5
        readinessProbe.initialDelaySeconds 1
        readinessProbe.periodSeconds 1
        readinessProbe.failureThreshold 3
        debug.enabled false
        debug.port 40000
        debug.initialDelaySeconds 30000
        """;

    private const string Operator = """
        replicaCount 1
        watchInterval "0"
        watchNamespace ""
        maxPodRestartsPerMinute 20
        component "operator"
        image.name "operator"
        deploymentAnnotations {}
        apiService.type "ClusterIP"
        apiService.annotations {}
        webhookService.type "ClusterIP"
        webhookService.annotations {}
        runAsNonRoot true
        serviceReconciler.enabled true
        + validation.enabled true
        + validation.failurePolicy "Ignore"
        + validation.allowedTypes []
        + crds.applyOnUpgrade true
        ports.protocol "TCP"
        ports.port 443
        ports.targetPort 6500
        """;

    private const string Placement = """
        component "placement"
        image.name "placement"
        statefulsetAnnotations {}
        service.annotations {}
        ports.protocol "TCP"
        ports.apiPort 50005
        ports.raftRPCPort 8201
        scaleZero false
        ha false
        maxActorApiLevel 10
        minActorApiLevel 0
        keepAliveTime "2s"
        keepAliveTimeout "3s"
        disseminateTimeout "8s"
        disseminateCoalesceWindow "0s"
        cluster.forceInMemoryLog false
        cluster.logStorePath "/var/run/dapr/raft-log"
        cluster.logStoreWinPath "C:\\\\raft-log"
        volumeclaims.storageSize "1Gi"
        volumeclaims.storageClassName null
        replicationFactor 100
        metadataEnabled false
        runAsNonRoot true
        fsGroup 65532
        """;

    private const string Scheduler = """
        component "scheduler"
        image.name "scheduler"
        statefulsetAnnotations {}
        service.annotations {}
        ports.protocol "TCP"
        ports.etcdGRPCClientPort 2379
        ports.etcdGRPCPeerPort 2380
        cluster.etcdDataDirPath "/var/run/data/dapr-scheduler"
        cluster.etcdDataDirWinPath "C:\\\\dapr-scheduler"
        cluster.storageClassName ""
        cluster.storageSize "16Gi"
        cluster.inMemoryStorage false
        etcdSpaceQuota "9.2E"
        etcdCompactionMode "revision"
        etcdCompactionRetention "1000000"
        etcdSnapshotCount 100000
        etcdMaxSnapshots 10
        etcdMaxWals 10
        etcdBackendBatchLimit 10000
        etcdBackendBatchInterval "100ms"
        etcdMaxTxnOps 10000
        etcdDefragThresholdMB 100
        etcdInitialElectionTickAdvance false
        etcdMetrics "basic"
        etcdEmbed true
        etcdClientEndpoints []
        etcdClientUsername ""
        etcdClientPassword ""
        workers 2048
        securityContext.runAsNonRoot true
        securityContext.fsGroup null
        """;

    private const string Sentry = """
        replicaCount 1
        component "sentry"
        image.name "sentry"
        deploymentAnnotations {}
        service.type "ClusterIP"
        service.annotations {}
        ports.protocol "TCP"
        ports.port 443
        ports.targetPort 50001
        tls.issuer.certPEM ""
        tls.issuer.keyPEM ""
        tls.root.certPEM ""
        tls.trustDomain "cluster.local"
        jwt.enabled false
        jwt.keyFilename ""
        jwt.jwksFilename ""
        jwt.issuer ""
        jwt.signingAlgorithm ""
        jwt.keyID ""
        oidc.enabled false
        oidc.server.port 9080
        oidc.jwksURI ""
        oidc.pathPrefix ""
        oidc.allowedHosts []
        oidc.tls.enabled true
        oidc.tls.certFile ""
        oidc.tls.keyFile ""
        runAsNonRoot true
        mode "kubernetes"
        extraArgs []
        """;

    private const string Injector = """
        enabled true
        ! replicaCount 2
        component "sidecar-injector"
        image.name "daprd"
        injectorImage.name "injector"
        deploymentAnnotations {}
        service.type "ClusterIP"
        service.annotations {}
        ! webhookFailurePolicy ""
        sidecarImagePullPolicy "IfNotPresent"
        runAsNonRoot true
        sidecarRunAsNonRoot true
        sidecarReadOnlyRootFilesystem true
        sidecarDropALLCapabilities false
        enableK8sDownwardAPIs false
        allowedServiceAccounts ""
        allowedServiceAccountsPrefixNames ""
        kubeClusterDomain "cluster.local"
        ! ignoreEntrypointTolerations "[{\"effect\":\"NoSchedule\",\"key\":\"alibabacloud.com/eci\"},{\"effect\":\"NoSchedule\",\"key\":\"azure.com/aci\"},{\"effect\":\"NoSchedule\",\"key\":\"aws\"},{\"effect\":\"NoSchedule\",\"key\":\"huawei.com/cci\"}]"
        nativeSidecar false
        hostNetwork false
        healthzPort 8080
        objectSelector {}
        namespaceSelector {}
        """;

    private const string Rest = """
        dapr_rbac.component "rbac"
        dapr_rbac.secretReader.enabled true
        dapr_rbac.secretReader.namespace "default"
        dapr_rbac.serviceAccount.injector.annotations {}
        dapr_rbac.serviceAccount.operator.annotations {}
        dapr_rbac.serviceAccount.placement.annotations {}
        dapr_rbac.serviceAccount.scheduler.annotations {}
        dapr_rbac.serviceAccount.sentry.annotations {}
        dapr_config.component "config"
        dapr_config.dapr_config_chart_included true
        dapr_config.dapr_default_system_config_name "daprsystem"
        """;

    [Fact]
    public void Every_value_has_the_default_of_the_contract()
    {
        IEnumerable<string> expected =
        [
            .. Lines("", Global), .. Lines("", Rest),
            .. Lines("dapr_operator.", Operator + "\n" + Service), .. Lines("dapr_placement.", Placement + "\n" + Service),
            .. Lines("dapr_scheduler.", Scheduler + "\n" + Service), .. Lines("dapr_sentry.", Sentry + "\n" + Service),
            .. Lines("dapr_sidecar_injector.", Injector + "\n" + Service),
        ];

        Assert.Equal(expected.Order(StringComparer.Ordinal), ChartValues.All.Select(v => $"{v.Key} {v.Value}").Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> Lines(string prefix, string text) => text.Split('\n').Select(l => prefix + l.TrimStart('+', '!', ' '));
}
