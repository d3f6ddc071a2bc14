namespace DaprK8s.Common.Kubernetes;

/// <summary>The annotations of pods, pod templates and components that the control plane reads (contract: k8s 3.8). What each means and how its text is read is said there.</summary>
public static class DaprAnnotations
{
#pragma warning disable CS1591 // These are the words of the contract, one name each.

    public const string Enabled = "dapr.io/enabled";
    public const string AppId = "dapr.io/app-id";
    public const string AppPort = "dapr.io/app-port";
    public const string AppProtocol = "dapr.io/app-protocol";
    public const string AppSsl = "dapr.io/app-ssl";
    public const string AppChannelAddress = "dapr.io/app-channel-address";
    public const string AppMaxConcurrency = "dapr.io/app-max-concurrency";
    public const string Config = "dapr.io/config";
    public const string AppTokenSecret = "dapr.io/app-token-secret";
    public const string ApiTokenSecret = "dapr.io/api-token-secret";
    public const string LogLevel = "dapr.io/log-level";
    public const string LogAsJson = "dapr.io/log-as-json";
    public const string EnableApiLogging = "dapr.io/enable-api-logging";
    public const string EnableProfiling = "dapr.io/enable-profiling";
    public const string EnableMetrics = "dapr.io/enable-metrics";
    public const string MetricsPort = "dapr.io/metrics-port";
    public const string EnableDebug = "dapr.io/enable-debug";
    public const string DebugPort = "dapr.io/debug-port";
    public const string Env = "dapr.io/env";
    public const string EnvFromSecret = "dapr.io/env-from-secret";
    public const string GrpcPort = "dapr.io/grpc-port";
    public const string InternalGrpcPort = "dapr.io/internal-grpc-port";
    public const string SidecarCpuRequest = "dapr.io/sidecar-cpu-request";
    public const string SidecarCpuLimit = "dapr.io/sidecar-cpu-limit";
    public const string SidecarMemoryRequest = "dapr.io/sidecar-memory-request";
    public const string SidecarMemoryLimit = "dapr.io/sidecar-memory-limit";
    public const string SidecarListenAddresses = "dapr.io/sidecar-listen-addresses";
    public const string SidecarLivenessProbeDelaySeconds = "dapr.io/sidecar-liveness-probe-delay-seconds";
    public const string SidecarLivenessProbeTimeoutSeconds = "dapr.io/sidecar-liveness-probe-timeout-seconds";
    public const string SidecarLivenessProbePeriodSeconds = "dapr.io/sidecar-liveness-probe-period-seconds";
    public const string SidecarLivenessProbeThreshold = "dapr.io/sidecar-liveness-probe-threshold";
    public const string SidecarReadinessProbeDelaySeconds = "dapr.io/sidecar-readiness-probe-delay-seconds";
    public const string SidecarReadinessProbeTimeoutSeconds = "dapr.io/sidecar-readiness-probe-timeout-seconds";
    public const string SidecarReadinessProbePeriodSeconds = "dapr.io/sidecar-readiness-probe-period-seconds";
    public const string SidecarReadinessProbeThreshold = "dapr.io/sidecar-readiness-probe-threshold";
    public const string SidecarImage = "dapr.io/sidecar-image";
    public const string SidecarSeccompProfileType = "dapr.io/sidecar-seccomp-profile-type";
    public const string HttpMaxRequestSize = "dapr.io/http-max-request-size";
    public const string MaxBodySize = "dapr.io/max-body-size";
    public const string HttpReadBufferSize = "dapr.io/http-read-buffer-size";
    public const string ReadBufferSize = "dapr.io/read-buffer-size";
    public const string GracefulShutdownSeconds = "dapr.io/graceful-shutdown-seconds";
    public const string BlockShutdownDuration = "dapr.io/block-shutdown-duration";
    public const string UnixDomainSocketPath = "dapr.io/unix-domain-socket-path";
    public const string VolumeMounts = "dapr.io/volume-mounts";
    public const string VolumeMountsReadWrite = "dapr.io/volume-mounts-rw";
    public const string DisableBuiltinSecretStore = "dapr.io/disable-builtin-k8s-secret-store";
    public const string EnableAppHealthCheck = "dapr.io/enable-app-health-check";
    public const string AppHealthCheckPath = "dapr.io/app-health-check-path";
    public const string AppHealthProbeInterval = "dapr.io/app-health-probe-interval";
    public const string AppHealthProbeTimeout = "dapr.io/app-health-probe-timeout";
    public const string AppHealthThreshold = "dapr.io/app-health-threshold";
    public const string AppBindingOptionsTimeout = "dapr.io/app-binding-options-timeout";
    public const string PlacementHostAddress = "dapr.io/placement-host-address";
    public const string ActorsDisseminateTimeout = "dapr.io/actors-disseminate-timeout";
    public const string SchedulerHostAddress = "dapr.io/scheduler-host-address";
    public const string PluggableComponents = "dapr.io/pluggable-components";
    public const string PluggableComponentsSocketsFolder = "dapr.io/pluggable-components-sockets-folder";
    public const string InjectPluggableComponents = "dapr.io/inject-pluggable-components";
    public const string ComponentContainer = "dapr.io/component-container";
    public const string SentryRequestJwtAudiences = "dapr.io/sentry-request-jwt-audiences";
    public const string DisableInitEndpoints = "dapr.io/disable-init-endpoints";
    public const string EnableNativeSidecar = "dapr.io/enable-native-sidecar";
    public const string SidecarServiceAnnotations = "dapr.io/sidecar-svc-annotations";
    public const string ControlPlane = "dapr.io/control-plane";
}
