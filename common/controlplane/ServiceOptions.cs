using DaprK8s.Common.Hosting;

namespace DaprK8s.Common.ControlPlane;

/// <summary>The options that every control-plane service has (contract: k8s 2.2, security 1.17).</summary>
public record ServiceOptions
{
    /// <summary>A kubeconfig file; empty to look for the cluster in the usual places.</summary>
    public string Kubeconfig { get; init; } = "";

    /// <summary>Port of the health server.</summary>
    public int HealthPort { get; init; } = 8080;

    /// <summary>Address of the health server; empty for all.</summary>
    public string HealthAddress { get; init; } = "";

    /// <summary>Whether metrics are served.</summary>
    public bool MetricsEnabled { get; init; } = true;

    /// <summary>Port of the metrics server.</summary>
    public int MetricsPort { get; init; } = 9090;

    /// <summary>Address of the metrics server.</summary>
    public string MetricsAddress { get; init; } = "0.0.0.0";

    /// <summary>The lowest level that is logged.</summary>
    public string LogLevel { get; init; } = "info";

    /// <summary>Whether log lines are JSON.</summary>
    public bool LogAsJson { get; init; }

    /// <summary>A file to log to; empty for standard output.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>Declares the flags of these options.</summary>
    /// <returns>Reads them, once the command line is parsed.</returns>
    public static Func<ServiceOptions> Declare(FlagSet flags)
    {
        var kubeconfig = flags.Text("kubeconfig", "", "Path of a kubeconfig file");
        var healthPort = flags.Number("healthz-port", 8080, "Port of the health server");
        var healthAddress = flags.Text("healthz-listen-address", "", "Address of the health server");
        var metricsOn = flags.Bool("enable-metrics", true, "Serve metrics");
        var metricsPort = flags.Number("metrics-port", 9090, "Port of the metrics server");
        var metricsAddress = flags.Text("metrics-listen-address", "0.0.0.0", "Address of the metrics server");
        var logLevel = flags.Text("log-level", "info", "Lowest level logged: debug, info, warn, error or fatal");
        var logJson = flags.Bool("log-as-json", false, "Log JSON objects");
        var logFile = flags.Text("log-file", "", "File to append logs to, instead of standard output");
        return () => new ServiceOptions
        {
            Kubeconfig = kubeconfig(),
            HealthPort = healthPort(),
            HealthAddress = healthAddress(),
            MetricsEnabled = metricsOn(),
            MetricsPort = metricsPort(),
            MetricsAddress = metricsAddress(),
            LogLevel = logLevel(),
            LogAsJson = logJson(),
            LogFile = logFile(),
        };
    }
}
