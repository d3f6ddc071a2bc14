using System.Globalization;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Injector.Sidecar;

/// <summary>The command line of an injected sidecar, in the order of the contract (k8s 3.6): tools read it by position of flag and value.</summary>
internal static class SidecarArguments
{
    /// <summary>Where the sidecar finds its sockets' directory.</summary>
    public const string SocketFolder = "/var/run/dapr-sockets";

    /// <summary>The executable.</summary>
    public const string Executable = "/daprd";

    /// <summary>The arguments after the executable.</summary>
    public static List<string> Create(SidecarSettings settings, SidecarDefaults defaults, bool isMtlsEnabled)
    {
        var args = new List<string>(64)
        {
            "--dapr-http-port", Text(InjectedSidecar.HttpPort),
            "--dapr-grpc-port", Text(settings.GrpcPort),
            "--dapr-internal-grpc-port", Text(settings.InternalGrpcPort),
            "--dapr-listen-addresses", settings.ListenAddresses,
            "--dapr-public-port", Text(InjectedSidecar.PublicPort),
            "--app-id", settings.AppId,
            "--app-protocol", settings.AppProtocol,
            "--log-level", settings.LogLevel,
            "--dapr-graceful-shutdown-seconds", Text(settings.GracefulShutdownSeconds),
            "--mode", "kubernetes",
            "--control-plane-address", defaults.OperatorAddress,
            "--sentry-address", defaults.SentryAddress,
        };
        AddIf(args, settings.AppPort > 0, "--app-port", Text(settings.AppPort));
        if (settings.HasMetrics)
        {
            args.AddRange(["--enable-metrics", "--metrics-port", Text(settings.MetricsPort)]);
        }

        AddIf(args, settings.Config.Length > 0, "--config", settings.Config);
        AddIf(args, settings.AppChannelAddress.Length > 0, "--app-channel-address", settings.AppChannelAddress);
        AddControlPlane(args, settings, defaults);
        AddIf(args, settings.JwtAudiences.Length > 0, "--sentry-request-jwt-audiences", settings.JwtAudiences);
        AddIf(args, settings.LogsApi is not null, settings.LogsApi == true ? "--enable-api-logging=true" : "--enable-api-logging=false");
        AddIf(args, settings.HasNoBuiltinSecretStore, "--disable-builtin-k8s-secret-store");
        AddAppHealth(args, settings);
        AddIfGiven(args, "--app-binding-options-timeout", settings.AppBindingOptionsTimeout);
        AddIf(args, settings.LogsAsJson, "--log-as-json");
        AddIf(args, settings.IsProfiling, "--enable-profiling");
        AddIf(args, isMtlsEnabled, "--enable-mtls");
        AddIf(args, settings.IsAppSsl, "--app-ssl");
        AddIfGiven(args, "--app-max-concurrency", settings.AppMaxConcurrency);
        AddIfGiven(args, "--dapr-http-max-request-size", settings.HttpMaxRequestSize);
        AddIf(args, settings.MaxBodySize.Length > 0, "--max-body-size", settings.MaxBodySize);
        AddIfGiven(args, "--dapr-http-read-buffer-size", settings.HttpReadBufferSize);
        AddIf(args, settings.ReadBufferSize.Length > 0, "--read-buffer-size", settings.ReadBufferSize);
        AddIf(args, settings.SocketPath.Length > 0, "--unix-domain-socket", SocketFolder);
        AddIfGiven(args, "--dapr-block-shutdown-duration", settings.BlockShutdownDuration);
        AddIfGiven(args, "--actors-disseminate-timeout", settings.ActorsDisseminateTimeout);
        AddIfGiven(args, "--scheduler-host-address", settings.SchedulerAddress);
        AddIfGiven(args, "--disable-init-endpoints", settings.DisableInitEndpoints);
        return args;
    }

    private static void AddControlPlane(List<string> args, SidecarSettings settings, SidecarDefaults defaults)
    {
        if (settings.PlacementAddress.Length > 0)
        {
            args.AddRange(["--placement-host-address", settings.PlacementAddress]);
        }
        else if (defaults.ActorsService.Length > 0)
        {
            args.AddRange(["--actors-service", defaults.ActorsService]);
        }

        AddIf(args, defaults.RemindersService.Length > 0, "--reminders-service", defaults.RemindersService);
    }

    private static void AddAppHealth(List<string> args, SidecarSettings settings)
    {
        if (settings.HasAppHealthCheck)
        {
            args.AddRange(
            [
                "--enable-app-health-check",
                "--app-health-check-path", settings.AppHealthCheckPath,
                "--app-health-probe-interval", Text(settings.AppHealthProbeInterval),
                "--app-health-probe-timeout", Text(settings.AppHealthProbeTimeout),
                "--app-health-threshold", Text(settings.AppHealthThreshold),
            ]);
        }
    }

    private static void AddIf(List<string> args, bool condition, params ReadOnlySpan<string> words)
    {
        if (condition)
        {
            args.AddRange(words);
        }
    }

    private static void AddIfGiven(List<string> args, string flag, string? value) => AddIf(args, value is not null, flag, value!);

    private static void AddIfGiven(List<string> args, string flag, int? value) => AddIf(args, value is not null, flag, Text(value ?? 0));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
