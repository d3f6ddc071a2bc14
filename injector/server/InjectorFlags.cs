using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Text;
using DaprK8s.Injector.Admission;
using DaprK8s.Injector.Pods;
using DaprK8s.Injector.Sidecar;

namespace DaprK8s.Injector.Server;

/// <summary>The injector's flags and environment (contract: k8s 3.1).</summary>
internal sealed class InjectorFlags(Func<string, string?> environment)
{
    private const string SentryTokenFile = "/var/run/secrets/dapr.io/sentrytoken/token";
    private const string AccountTokenFile = KubernetesConnection.ServiceAccountDirectory + "/token";

    private readonly FlagSet flags = new("injector", "The webhook that puts sidecars into pods");

    /// <summary>The usage text.</summary>
    public string Usage => flags.Usage();

    /// <summary>Whether a file exists; replaced by tests.</summary>
    public Func<string, bool> FileExists { get; init; } = File.Exists;

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FlagException">A flag is unknown or ill-typed.</exception>
    /// <exception cref="OptionException">A value makes no sense.</exception>
    public InjectorOptions Parse(string[] args)
    {
        var common = ServiceOptions.Declare(flags);
        var port = flags.Number("port", 4000, "Port of the webhook");
        var address = flags.Text("listen-address", "", "Address of the webhook; empty for all");
        var schedulerEnabled = flags.Bool("scheduler-enabled", true, "Tell sidecars where the scheduler is");
        flags.Parse(args);

        var warnings = new List<string>();
        var ns = Required("NAMESPACE");
        var tokenFile = environment(IdentityToken.FileVariable);
        var sidecar = ReadSidecar(ns, tokenFile, schedulerEnabled(), warnings);
        var options = common();
        return new InjectorOptions
        {
            Kubeconfig = options.Kubeconfig,
            HealthPort = options.HealthPort,
            HealthAddress = options.HealthAddress,
            MetricsEnabled = options.MetricsEnabled,
            MetricsPort = options.MetricsPort,
            MetricsAddress = options.MetricsAddress,
            LogLevel = options.LogLevel,
            LogAsJson = options.LogAsJson,
            LogFile = options.LogFile,
            Port = port(),
            ListenAddress = address(),
            Namespace = ns,
            TrustDomain = sidecar.ControlPlaneTrustDomain,
            TrustAnchorsFile = Text("DAPR_TRUST_ANCHORS_FILE", "/var/run/dapr.io/tls/ca.crt"),
            SentryAddress = Text("DAPR_SENTRY_ADDRESS", sidecar.SentryAddress),
            TokenFile = tokenFile,
            Sidecar = sidecar,
            Callers = ReadCallers(),
            Warnings = warnings,
        };
    }

    private SidecarDefaults ReadSidecar(string ns, string? tokenFile, bool schedulerEnabled, List<string> warnings)
    {
        var addresses = new ServiceAddresses(ns, Text("KUBE_CLUSTER_DOMAIN", ClusterDomain.Find() ?? "cluster.local"));
        var (placement, actors) = ReadActors(addresses);
        return new SidecarDefaults
        {
            Image = Required("SIDECAR_IMAGE"),
            ImagePullPolicy = Text("SIDECAR_IMAGE_PULL_POLICY", "Always") is "Always" or "Never" ? Text("SIDECAR_IMAGE_PULL_POLICY", "Always") : "IfNotPresent",
            ControlPlaneNamespace = ns,
            ControlPlaneTrustDomain = Text("DAPR_CONTROL_PLANE_TRUST_DOMAIN", "cluster.local"),
            OperatorAddress = addresses.Of("dapr-api", 443),
            SentryAddress = addresses.Of("dapr-sentry", 443),
            PlacementAddress = placement,
            ActorsService = actors,
            RemindersService = ReadReminders(addresses),
            SchedulerAddress = schedulerEnabled ? addresses.Of("dapr-scheduler-server-a", 443) : null,
            HasTokenVolume = tokenFile is not null || FileExists(SentryTokenFile) || FileExists(AccountTokenFile),
            RunsAsNonRoot = Switch("SIDECAR_RUN_AS_NON_ROOT", true),
            RunAsUser = ReadId("SIDECAR_RUN_AS_USER", "runAsUser"),
            RunAsGroup = ReadId("SIDECAR_RUN_AS_GROUP", "runAsGroup"),
            HasReadOnlyRoot = Switch("SIDECAR_READ_ONLY_ROOT_FILESYSTEM", true),
            DropsAllCapabilities = Switch("SIDECAR_DROP_ALL_CAPABILITIES", false),
            PassesHostIp = Switch("ENABLE_K8S_DOWNWARD_APIS", false),
            IsNative = Switch("NATIVE_SIDECAR_ENABLED", false),
            ComponentSocketsFolder = Text(SidecarEnvironment.ComponentSockets, SidecarDefaults.StandardComponentSocketsFolder),
            IgnoreEntrypointTolerations = ReadTolerations(warnings),
        };
    }

    private (string Placement, string Other) ReadActors(ServiceAddresses addresses)
    {
        if (!Switch("ACTORS_ENABLED", true))
        {
            return ("", "");
        }

        const string placement = "placement";
        return Text("ACTORS_SERVICE_NAME", "") switch
        {
            "" => (addresses.Parse("dapr-placement-server:50005", "actor"), ""),
            placement => (addresses.Parse(Text("ACTORS_SERVICE_ADDRESS", ""), "actor"), ""),
            var name => ("", $"{name}:{addresses.Parse(Text("ACTORS_SERVICE_ADDRESS", ""), "actor")}"),
        };
    }

    private string ReadReminders(ServiceAddresses addresses) => Text("REMINDERS_SERVICE_NAME", "") switch
    {
        "" => "",
        "default" => "default:" + addresses.Of("", 0),
        var name => $"{name}:{addresses.Parse(Text("REMINDERS_SERVICE_ADDRESS", ""), "reminder")}",
    };

    private CallerRules ReadCallers()
    {
        try
        {
            return new CallerRules(Text("ALLOWED_SERVICE_ACCOUNTS", ""), Text("ALLOWED_SERVICE_ACCOUNTS_PREFIX_NAMES", ""));
        }
        catch (FormatException e)
        {
            throw new OptionException(e.Message);
        }
    }

    private List<Toleration> ReadTolerations(List<string> warnings)
    {
        const string variable = "IGNORE_ENTRYPOINT_TOLERATIONS";
        if (Text(variable, "") is not { Length: > 0 } text)
        {
            return [];
        }

        try
        {
            var list = JsonElement.Parse(text);
            return list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.Object
                    ? Toleration.Read(t, variable) : throw new MalformedPodException($"expected objects, found {PodJson.Describe(t)}"))]
                : throw new MalformedPodException($"expected a list, found {PodJson.Describe(list)}");
        }
        catch (Exception e) when (e is JsonException or MalformedPodException)
        {
            warnings.Add($"couldn't parse ignore entrypoint tolerations, {variable} is ignored: {e.Message}");
            return [];
        }
    }

    private long? ReadId(string variable, string field)
        => Text(variable, "") is not { Length: > 0 } text ? null
            : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id) ? id
            : throw new OptionException($"failed to parse configuration: failed to parse {field}: {variable} is not a whole number: {GoQuote.Quote(text)}");

    private bool Switch(string variable, bool @default) => Text(variable, "") is { Length: > 0 } text ? Truthy.IsTruthy(text) : @default;

    private string Required(string variable)
        => environment(variable) is { Length: > 0 } value ? value : throw new OptionException($"required key {variable} missing value");

    private string Text(string variable, string @default) => environment(variable) is { Length: > 0 } value ? value : @default;
}
