using DaprK8s.Common.Kubernetes;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>What a pod's annotations say about its sidecar (contract: k8s 3.8).</summary>
internal sealed class SidecarSettings
{
    /// <summary>Reads the annotations.</summary>
    /// <param name="annotations">The annotations; told what can't be used.</param>
    /// <param name="podName">The app id of a pod that names none.</param>
    /// <param name="defaults">What holds for all pods.</param>
    public SidecarSettings(AnnotationValues annotations, string podName, SidecarDefaults defaults)
    {
        AppId = annotations.Text(DaprAnnotations.AppId, "") is { Length: > 0 } id ? id : podName;
        AppPort = annotations.Number(DaprAnnotations.AppPort, 0);
        AppProtocol = annotations.Text(DaprAnnotations.AppProtocol, "http");
        IsAppSsl = annotations.Bool(DaprAnnotations.AppSsl, false);
        AppChannelAddress = annotations.Text(DaprAnnotations.AppChannelAddress, "");
        AppMaxConcurrency = annotations.OptionalNumber(DaprAnnotations.AppMaxConcurrency);
        Config = annotations.Text(DaprAnnotations.Config, "");
        AppTokenSecret = annotations.Text(DaprAnnotations.AppTokenSecret, "");
        ApiTokenSecret = annotations.Text(DaprAnnotations.ApiTokenSecret, "");
        LogLevel = annotations.Text(DaprAnnotations.LogLevel, "info");
        LogsAsJson = annotations.Bool(DaprAnnotations.LogAsJson, false);
        LogsApi = annotations.OptionalBool(DaprAnnotations.EnableApiLogging);
        IsProfiling = annotations.Bool(DaprAnnotations.EnableProfiling, false);
        HasMetrics = annotations.Bool(DaprAnnotations.EnableMetrics, true);
        MetricsPort = annotations.Number(DaprAnnotations.MetricsPort, InjectedSidecar.DefaultMetricsPort);
        IsDebugging = annotations.Bool(DaprAnnotations.EnableDebug, false);
        DebugPort = annotations.Number(DaprAnnotations.DebugPort, InjectedSidecar.DefaultDebugPort);
        GrpcPort = annotations.Number(DaprAnnotations.GrpcPort, InjectedSidecar.DefaultGrpcPort);
        InternalGrpcPort = annotations.Number(DaprAnnotations.InternalGrpcPort, InjectedSidecar.DefaultInternalGrpcPort);
        ListenAddresses = annotations.Text(DaprAnnotations.SidecarListenAddresses, "[::1],127.0.0.1");
        Image = annotations.Text(DaprAnnotations.SidecarImage, "") is { Length: > 0 } image ? image : defaults.Image;
        SeccompProfileType = annotations.Text(DaprAnnotations.SidecarSeccompProfileType, "");
        HttpMaxRequestSize = annotations.OptionalNumber(DaprAnnotations.HttpMaxRequestSize);
        MaxBodySize = annotations.Text(DaprAnnotations.MaxBodySize, "");
        HttpReadBufferSize = annotations.OptionalNumber(DaprAnnotations.HttpReadBufferSize);
        ReadBufferSize = annotations.Text(DaprAnnotations.ReadBufferSize, "");
        GracefulShutdownSeconds = annotations.Number(DaprAnnotations.GracefulShutdownSeconds, -1);
        BlockShutdownDuration = annotations.OptionalText(DaprAnnotations.BlockShutdownDuration);
        SocketPath = annotations.Text(DaprAnnotations.UnixDomainSocketPath, "");
        HasNoBuiltinSecretStore = annotations.Bool(DaprAnnotations.DisableBuiltinSecretStore, false);
        HasAppHealthCheck = annotations.Bool(DaprAnnotations.EnableAppHealthCheck, false);
        AppHealthCheckPath = annotations.Text(DaprAnnotations.AppHealthCheckPath, "/healthz");
        AppHealthProbeInterval = annotations.Number(DaprAnnotations.AppHealthProbeInterval, 5);
        AppHealthProbeTimeout = annotations.Number(DaprAnnotations.AppHealthProbeTimeout, 500);
        AppHealthThreshold = annotations.Number(DaprAnnotations.AppHealthThreshold, 3);
        AppBindingOptionsTimeout = annotations.OptionalText(DaprAnnotations.AppBindingOptionsTimeout);
        PlacementAddress = Address(annotations.OptionalText(DaprAnnotations.PlacementHostAddress)) ?? defaults.PlacementAddress;
        ActorsDisseminateTimeout = annotations.OptionalText(DaprAnnotations.ActorsDisseminateTimeout);
        SchedulerAddress = Address(annotations.OptionalText(DaprAnnotations.SchedulerHostAddress)) ?? defaults.SchedulerAddress;
        PluggableComponents = annotations.Text(DaprAnnotations.PluggableComponents, "").Split(',');
        ComponentSocketsFolder = annotations.Text(DaprAnnotations.PluggableComponentsSocketsFolder, "") is { Length: > 0 } folder ? folder : defaults.ComponentSocketsFolder;
        InjectsPluggableComponents = annotations.Bool(DaprAnnotations.InjectPluggableComponents, false);
        JwtAudiences = annotations.Text(DaprAnnotations.SentryRequestJwtAudiences, "");
        DisableInitEndpoints = annotations.OptionalText(DaprAnnotations.DisableInitEndpoints);
        IsNative = annotations.Bool(DaprAnnotations.EnableNativeSidecar, defaults.IsNative);
        Liveness = new ProbeSettings(
            annotations.Number(DaprAnnotations.SidecarLivenessProbeDelaySeconds, 180),
            annotations.Number(DaprAnnotations.SidecarLivenessProbeTimeoutSeconds, 3),
            annotations.Number(DaprAnnotations.SidecarLivenessProbePeriodSeconds, 10),
            annotations.Number(DaprAnnotations.SidecarLivenessProbeThreshold, 5));
        Readiness = new ProbeSettings(
            annotations.Number(DaprAnnotations.SidecarReadinessProbeDelaySeconds, 1),
            annotations.Number(DaprAnnotations.SidecarReadinessProbeTimeoutSeconds, 1),
            annotations.Number(DaprAnnotations.SidecarReadinessProbePeriodSeconds, 1),
            annotations.Number(DaprAnnotations.SidecarReadinessProbeThreshold, 5));
        Resources = SidecarResources.Read(annotations);
        Env = EnvironmentList.Read(annotations.Text(DaprAnnotations.Env, ""));
        EnvFromSecrets = EnvironmentList.Read(annotations.Text(DaprAnnotations.EnvFromSecret, ""));
        Mounts =
        [
            .. MountList.Read(annotations.Text(DaprAnnotations.VolumeMounts, ""), isReadOnly: true),
            .. MountList.Read(annotations.Text(DaprAnnotations.VolumeMountsReadWrite, ""), isReadOnly: false),
        ];
        if (IsDebugging)
        {
            annotations.Warn($"annotation {DaprAnnotations.EnableDebug}: the sidecar has no debugger to start it under; only the port is declared");
        }
    }

    public string AppId { get; }

    public int AppPort { get; }

    public string AppProtocol { get; }

    public bool IsAppSsl { get; }

    public string AppChannelAddress { get; }

    public int? AppMaxConcurrency { get; }

    public string Config { get; }

    public string AppTokenSecret { get; }

    public string ApiTokenSecret { get; }

    public string LogLevel { get; }

    public bool LogsAsJson { get; }

    /// <summary><see langword="null"/> leaves it to the Configuration.</summary>
    public bool? LogsApi { get; }

    public bool IsProfiling { get; }

    public bool HasMetrics { get; }

    public int MetricsPort { get; }

    public bool IsDebugging { get; }

    public int DebugPort { get; }

    public int GrpcPort { get; }

    public int InternalGrpcPort { get; }

    public string ListenAddresses { get; }

    public string Image { get; }

    public string SeccompProfileType { get; }

    /// <summary>In megabytes; deprecated in favour of <see cref="MaxBodySize"/>.</summary>
    public int? HttpMaxRequestSize { get; }

    public string MaxBodySize { get; }

    /// <summary>In kilobytes; deprecated in favour of <see cref="ReadBufferSize"/>.</summary>
    public int? HttpReadBufferSize { get; }

    public string ReadBufferSize { get; }

    /// <summary>-1 leaves it to the sidecar.</summary>
    public int GracefulShutdownSeconds { get; }

    public string? BlockShutdownDuration { get; }

    /// <summary>The directory of the sidecar's sockets as the app sees it; empty for ports alone.</summary>
    public string SocketPath { get; }

    public bool HasNoBuiltinSecretStore { get; }

    public bool HasAppHealthCheck { get; }

    public string AppHealthCheckPath { get; }

    /// <summary>In seconds.</summary>
    public int AppHealthProbeInterval { get; }

    /// <summary>In milliseconds.</summary>
    public int AppHealthProbeTimeout { get; }

    public int AppHealthThreshold { get; }

    public string? AppBindingOptionsTimeout { get; }

    public string PlacementAddress { get; }

    public string? ActorsDisseminateTimeout { get; }

    /// <summary>Empty tells the sidecar that there is none; <see langword="null"/> tells it nothing.</summary>
    public string? SchedulerAddress { get; }

    /// <summary>The names of the pod's containers that are pluggable components.</summary>
    public IReadOnlyList<string> PluggableComponents { get; }

    public string ComponentSocketsFolder { get; }

    public bool InjectsPluggableComponents { get; }

    public string JwtAudiences { get; }

    public string? DisableInitEndpoints { get; }

    public bool IsNative { get; }

    public ProbeSettings Liveness { get; }

    public ProbeSettings Readiness { get; }

    public SidecarResources Resources { get; }

    public IReadOnlyList<KeyValuePair<string, string>> Env { get; }

    /// <summary>Variables whose values are <c>secret</c> or <c>secret:key</c>.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> EnvFromSecrets { get; }

    /// <summary>Volumes of the pod to be mounted into the sidecar.</summary>
    public IReadOnlyList<PodMount> Mounts { get; }

    /// <summary>What the app is told about its own protocol; <see langword="null"/> for one that is not known.</summary>
    public string? EffectiveAppProtocol => AppProtocol.ToLowerInvariant() switch
    {
        "" or "http" => IsAppSsl ? "https" : "http",
        "grpc" => IsAppSsl ? "grpcs" : "grpc",
        "https" => "https",
        "grpcs" => "grpcs",
        "h2c" => "h2c",
        _ => null,
    };

    private static string? Address(string? text) => text?.Trim().Trim('"', '\'').Trim();
}
