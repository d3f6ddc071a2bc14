using DaprK8s.Common.Hosting;
using DaprK8s.Common.Text;

namespace DaprK8s.Sidecar.Flags;

/// <summary>An option has a value that makes no sense: fatal, exit code 1 (contract: operations 1.3).</summary>
internal sealed class OptionException(string message) : Exception(message);

/// <summary>
/// The sidecar's flags and environment (contract: operations 1.2 to 1.4), every one of them; those whose feature this version
/// lacks are accepted, checked and reported.
/// </summary>
internal sealed class SidecarFlags
{
    private static readonly string[] FeaturelessFlags =
    [
        "placement-host-address", "scheduler-host-address", "enable-profiling",
    ];

    private readonly FlagSet flags = new("daprd", "The Dapr sidecar");
    private readonly Func<string, string?> environment;

    public SidecarFlags(Func<string, string?> environment) => this.environment = environment;

    /// <summary>The usage text, for standard error beside a flag error.</summary>
    public string Usage => flags.Usage();

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FlagException">A flag is unknown or ill-typed.</exception>
    /// <exception cref="OptionException">A value makes no sense.</exception>
    public SidecarOptions Parse(string[] args)
    {
        var mode = flags.Text("mode", "standalone", "Runtime mode: standalone or kubernetes");
        var appId = flags.Text("app-id", "", "Id of the app, used for service discovery, state keys and consumer groups");
        var appPort = flags.Text("app-port", "", "Port that the app listens on");
        var appProtocol = flags.Text("app-protocol", "http", "Protocol of the app's port: http, https, h2c, grpc or grpcs");
        var appAddress = flags.Text("app-channel-address", "127.0.0.1", "Host that the app listens on");
        var appSsl = flags.Bool("app-ssl", false, "TLS towards the app");
        var maxConcurrency = flags.Number("app-max-concurrency", -1, "Most requests that the app gets at once; -1 for no limit");
        var healthOn = flags.Bool("enable-app-health-check", false, "Probe the app's health");
        var healthPath = flags.Text("app-health-check-path", "/healthz", "Path of health probes (HTTP apps)");
        var healthInterval = flags.Number("app-health-probe-interval", 5, "Seconds between probes");
        var healthTimeout = flags.Number("app-health-probe-timeout", 500, "Milliseconds until a probe counts as failed");
        var healthThreshold = flags.Number("app-health-threshold", 3, "Failures in a row until the app counts as unhealthy");
        var httpPort = flags.Text("dapr-http-port", "3500", "Port of the HTTP API");
        var grpcPort = flags.Text("dapr-grpc-port", "50001", "Port of the gRPC API");
        var internalPort = flags.Text("dapr-internal-grpc-port", "", "Port for other sidecars; derived from the app id when empty");
        var internalAddress = flags.Text("dapr-internal-grpc-listen-address", "", "Address for other sidecars");
        var listenAddresses = flags.Text("dapr-listen-addresses", "", "Comma-separated addresses of both APIs; empty for all");
        var publicPort = flags.Text("dapr-public-port", "", "Port of the public server (health and metadata)");
        var publicAddress = flags.Text("dapr-public-listen-address", "", "Address of the public server");
        var profilePort = flags.Text("profile-port", "7777", "Port of the profiling server");
        _ = flags.Bool("enable-profiling", false, "Serve profiles");
        var metricsPort = flags.Text("metrics-port", "9090", "Port of the metrics server");
        var metricsAddress = flags.Text("metrics-listen-address", "0.0.0.0", "Address of the metrics server");
        var metricsOn = flags.Bool("enable-metrics", true, "Serve metrics");
        var logLevel = flags.Text("log-level", "info", "Lowest level logged: debug, info, warn, error or fatal");
        var logJson = flags.Bool("log-as-json", false, "Log JSON objects");
        var logFile = flags.Text("log-file", "", "File to append logs to, instead of standard output");
        var resources = flags.List("resources-path", "Directory with resources; may be repeated");
        var componentsPath = flags.Text("components-path", "", "Alias of --resources-path");
        var config = flags.List("config", "Configuration file (self-hosted) or name (Kubernetes); may be repeated");
        var operatorAddress = flags.Text("control-plane-address", "", "Address of the operator");
        var sentryAddress = flags.Text("sentry-address", "", "Address of sentry");
        var controlPlaneTrustDomain = flags.Text("control-plane-trust-domain", "", "Trust domain of the control plane (localhost)");
        var controlPlaneNamespace = flags.Text("control-plane-namespace", "", "Namespace of the control plane (default)");
        var jwtAudiences = flags.List("sentry-request-jwt-audiences", "Audiences of the workload's JWT");
        var mtls = flags.Bool("enable-mtls", false, "Mutual TLS between sidecars and to the control plane");
        _ = flags.Text("placement-host-address", "", "Comma-separated addresses of placement");
        _ = flags.List("scheduler-host-address", "Addresses of the scheduler");
        var jobStreams = flags.Number("scheduler-job-streams", 3, "Streams per scheduler connection");
        var disseminate = flags.Duration("actors-disseminate-timeout", "How long a placement round may take (30s)");
        _ = flags.Text("actors-service", "", "", hidden: true);
        _ = flags.Text("reminders-service", "", "", hidden: true);
        var reconcile = flags.Duration("hot-reload-reconcile-interval", "Time between full re-reads of resources (60s)");
        var bindingProbe = flags.Duration("app-binding-options-timeout", "How long the probe for a binding route may take (3s)");
        var origins = flags.Text("allowed-origins", "", "Comma-separated CORS origins; empty turns CORS handling off");
        var maxBody = flags.Text("max-body-size", "4Mi", "Largest request body, a quantity");
        var maxRequestMiB = flags.Number("dapr-http-max-request-size", 4, "Largest request body in MiB");
        var readBuffer = flags.Text("read-buffer-size", "4Ki", "Largest total of request headers, a quantity");
        var readBufferKiB = flags.Number("dapr-http-read-buffer-size", 4, "Largest total of request headers in KiB");
        var sockets = flags.Text("unix-domain-socket", "", "Directory of Unix domain sockets that replace the API's TCP ports");
        var grace = flags.Number("dapr-graceful-shutdown-seconds", 5, "Seconds that a shutdown may take; 0 for no bound");
        var block = flags.Duration("dapr-block-shutdown-duration", "How long to hold a shutdown back while the app is healthy");
        var apiLogging = flags.OptionalBool("enable-api-logging", "Log every API call");
        var noBuiltInStore = flags.Bool("disable-builtin-k8s-secret-store", false, "No built-in Kubernetes secret store");
        var disableInit = flags.List("disable-init-endpoints", "App endpoints not to be called at start: config, subscribe");
        var wait = flags.Bool("wait", false, "Wait until another sidecar is outbound ready, instead of running one");
        var version = flags.Bool("version", false, "Print the version");
        var buildInfo = flags.Bool("build-info", false, "Print build information");
        flags.Deprecate("app-ssl", "use app-protocol=https or app-protocol=grpcs");
        flags.Deprecate("components-path", "use --resources-path");
        flags.Deprecate("dapr-http-max-request-size", "use '--max-body-size'");
        flags.Deprecate("dapr-http-read-buffer-size", "use '--read-buffer-size'");
        flags.Deprecate("actors-service", "flag no longer has any effect");
        flags.Deprecate("reminders-service", "flag no longer has any effect");

        var notices = flags.Parse(args).ToList();
        Port("profile-port", profilePort());
        if (jobStreams() < 0)
        {
            throw new FlagException($"invalid argument \"{jobStreams()}\" for \"--scheduler-job-streams\" flag: expected a number of at least 0");
        }

        if (disseminate() is { } timeout && timeout <= TimeSpan.Zero)
        {
            throw new OptionException($"invalid value for 'actors-disseminate-timeout' option: must be positive, got {GoDuration.Format(timeout)}");
        }

        var app = ReadApp();
        var listen = ReadListen();
        var isKubernetes = mode() == "kubernetes";
        var runs = !version() && !buildInfo() && !wait();
        var options = new SidecarOptions
        {
            AppId = appId(),
            Mode = mode(),
            Namespace = FirstOf("", environment("NAMESPACE"), isKubernetes ? "default" : ""),
            App = app,
            Listen = listen,
            Security = runs && (mtls() || isKubernetes) ? ReadSecurity() : null,
            Kubernetes = runs && isKubernetes ? ReadKubernetes() : null,
            ResourcesPaths = resources() is { Count: > 0 } paths ? paths : componentsPath().Length > 0 ? [componentsPath()] : [],
            ConfigFiles = ReadConfig(),
            LogLevel = logLevel(),
            LogAsJson = logJson(),
            LogFile = logFile(),
            ApiLogging = apiLogging(),
            ReconcileInterval = reconcile() is { } interval && interval > TimeSpan.Zero ? interval : TimeSpan.FromSeconds(60),
            GracefulShutdown = TimeSpan.FromSeconds(grace() < 0 ? 5 : grace()),
            BlockShutdown = block(),
            Wait = wait(),
            ShowVersion = version(),
            ShowBuildInfo = buildInfo(),
            WithoutEffect = [.. FeaturelessFlags.Where(f => flags.Given(f)())],
            Notices = notices,
        };
        if (runs)
        {
            Check(options);
        }

        return options;

        AppOptions ReadApp() => new()
        {
            Port = Port("app-port", appPort()),
            Protocol = ReadProtocol(appProtocol(), appSsl(), notices),
            ChannelAddress = appAddress() is { Length: > 0 } a ? a : "127.0.0.1",
            MaxConcurrency = maxConcurrency(),
            Health = healthOn() ? ReadHealth(healthPath(), healthInterval(), healthTimeout(), healthThreshold()) : null,
            SkipConfigEndpoint = ReadInitEndpoints(disableInit()).Contains("config"),
            SkipSubscribeEndpoint = ReadInitEndpoints(disableInit()).Contains("subscribe"),
            ApiToken = environment("APP_API_TOKEN") ?? "",
            BindingProbeTimeout = bindingProbe() is { } probe && probe > TimeSpan.Zero ? probe : TimeSpan.FromSeconds(3),
            GrpcIdle = environment("DAPR_GRPC_MAX_CONN_IDLE") is { Length: > 0 } idle && GoDuration.TryParse(idle, out var d) && d > TimeSpan.Zero ? d : TimeSpan.FromMinutes(3),
        };

        // The first one counts in Kubernetes; the others would be names that nobody looks up.
        IReadOnlyList<string> ReadConfig()
        {
            if (!isKubernetes || config().Count < 2)
            {
                return config();
            }

            notices.Add($"only one Configuration is used in Kubernetes mode: {config()[0]}; the other --config flags are ignored");
            return [config()[0]];
        }

        KubernetesOptions ReadKubernetes() => new()
        {
            OperatorAddress = operatorAddress() is { Length: > 0 } address
                ? address : throw new OptionException("the operator's address is required in Kubernetes mode: set --control-plane-address"),
            PodName = environment("POD_NAME") ?? "",
            HasBuiltInSecretStore = !noBuiltInStore(),
        };

        SecurityOptions ReadSecurity() => new()
        {
            IsKubernetes = isKubernetes,
            ProtectsPeers = mtls(),
            SentryAddress = sentryAddress() is { Length: > 0 } address
                ? address : throw new OptionException($"sentry address is required {Where()}: set --sentry-address"),
            ControlPlaneTrustDomain = FirstOf(controlPlaneTrustDomain(), environment("DAPR_CONTROLPLANE_TRUST_DOMAIN"), "localhost"),
            ControlPlaneNamespace = FirstOf(controlPlaneNamespace(), environment("DAPR_CONTROLPLANE_NAMESPACE"), "default"),
            JwtAudiences = jwtAudiences(),
            TrustAnchors = environment("DAPR_TRUST_ANCHORS") is { Length: > 0 } anchors
                ? anchors : throw new OptionException($"trust anchors are required {Where()}: set DAPR_TRUST_ANCHORS to their PEM text"),
            LocalIdentity = environment("SENTRY_LOCAL_IDENTITY") ?? "",
            TokenFile = environment(Common.Identity.IdentityToken.FileVariable),
        };

        string Where() => isKubernetes ? "in Kubernetes mode" : "with --enable-mtls";

        ListenOptions ReadListen() => new()
        {
            HttpPort = Port("dapr-http-port", httpPort()),
            GrpcPort = Port("dapr-grpc-port", grpcPort()),
            InternalGrpcPort = Port("dapr-internal-grpc-port", internalPort()),
            InternalGrpcAddress = internalAddress(),
            ApiAddresses = [.. listenAddresses().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)],
            PublicPort = Port("dapr-public-port", publicPort()),
            PublicAddress = publicAddress(),
            MetricsPort = Port("metrics-port", metricsPort()),
            MetricsAddress = metricsAddress(),
            MetricsEnabled = metricsOn(),
            UnixSocketDirectory = sockets(),
            MaxBodyBytes = Size("max-body-size", maxBody(), 4 << 20, maxRequestMiB(), 1 << 20, flags.Given("dapr-http-max-request-size")()),
            ReadBufferBytes = Size("read-buffer-size", readBuffer(), 4 << 10, readBufferKiB(), 1 << 10, flags.Given("dapr-http-read-buffer-size")()),
            DisableH2c = Truthy.IsTruthy(environment("DAPR_HTTP_DISABLE_H2C")),
            AllowedOrigins = origins(),
            ApiToken = environment("DAPR_API_TOKEN") ?? "",
        };
    }

    private static void Check(SidecarOptions options)
    {
        if (options.Mode is not ("standalone" or "kubernetes"))
        {
            throw new OptionException($"invalid mode: {options.Mode}");
        }

        if (options.Mode == "kubernetes")
        {
            CheckServiceName(options.AppId);
        }
        else if (options.AppId.Length == 0)
        {
            throw new OptionException("parameter app-id cannot be empty");
        }
        else if (options.AppId.Contains('.'))
        {
            throw new OptionException("parameter app-id cannot contain dots");
        }

        foreach (var (flag, port) in new[] { ("dapr-http-port", options.Listen.HttpPort), ("dapr-grpc-port", options.Listen.GrpcPort) })
        {
            if (options.App.HasApp && port == options.App.Port)
            {
                throw new OptionException($"the '{flag}' argument value {port} conflicts with 'app-port'");
            }
        }
    }

    // The app's Service is named for it (contract: operations 1.3).
    private static void CheckServiceName(string appId)
    {
        const int longest = 63;
        var service = appId + "-dapr";
        var problem = service.Length > longest ? $"must be no more than {longest} characters"
            : !service.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || service[0] == '-'
                ? "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
            : null;
        if (problem is not null)
        {
            throw new OptionException($"invalid app id (input: '{appId}', service: '{service}'): {problem}");
        }
    }

    private static string FirstOf(string flag, string? variable, string @default)
        => flag.Length > 0 ? flag : variable is { Length: > 0 } ? variable : @default;

    private static int Port(string flag, string text)
        => text.Length == 0 ? 0
            : int.TryParse(text, out var port) && port is >= 0 and <= 65535 ? port
            : throw new OptionException($"error parsing {flag} flag: \"{text}\" is not a port from 0 to 65535");

    // An explicit quantity wins over the deprecated number; -1 is the default, other values below one mean no limit.
    private long Size(string flag, string text, long @default, int deprecatedNumber, long deprecatedUnit, bool deprecatedGiven)
    {
        if (deprecatedGiven && !flags.Given(flag)())
        {
            return deprecatedNumber == -1 ? @default : deprecatedNumber * deprecatedUnit;
        }

        return !Quantity.TryParse(text, out var bytes)
            ? throw new OptionException($"invalid value for '{flag}' option: \"{text}\" is not a quantity such as 4Mi")
            : bytes == -1 ? @default : bytes;
    }

    private static AppProtocol ReadProtocol(string text, bool ssl, List<string> notices)
    {
        var protocol = text.ToLowerInvariant() switch
        {
            "" or "http" => AppProtocol.Http,
            "https" => AppProtocol.Https,
            "h2c" => AppProtocol.H2c,
            "grpc" => AppProtocol.Grpc,
            "grpcs" => AppProtocol.Grpcs,
            _ => throw new OptionException($"invalid value for 'app-protocol': {text}"),
        };
        if (!ssl || protocol is not (AppProtocol.Http or AppProtocol.Grpc))
        {
            return protocol;
        }

        var secure = protocol == AppProtocol.Http ? AppProtocol.Https : AppProtocol.Grpcs;
        notices.Add($"The 'app-ssl' flag is deprecated; use 'app-protocol={secure.ToString().ToLowerInvariant()}' instead");
        return secure;
    }

    private static AppHealthOptions ReadHealth(string path, int interval, int timeout, int threshold)
    {
        var health = new AppHealthOptions(
            path.StartsWith('/') ? path : "/" + path,
            TimeSpan.FromSeconds(interval <= 0 ? 5 : interval),
            TimeSpan.FromMilliseconds(timeout <= 0 ? 500 : timeout),
            threshold < 1 ? 3 : threshold);
        return health.Timeout > health.Interval
            ? throw new OptionException("value for 'health-probe-timeout' must be smaller than 'health-probe-interval'")
            : health;
    }

    private static HashSet<string> ReadInitEndpoints(IReadOnlyList<string> values)
    {
        var set = values.Select(v => v.Trim().ToLowerInvariant()).ToHashSet();
        return set.FirstOrDefault(v => v is not ("config" or "subscribe")) is { } wrong
            ? throw new OptionException($"invalid value for 'disable-init-endpoints': {wrong}")
            : set;
    }
}
