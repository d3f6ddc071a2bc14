using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Bench.Load;
using DaprK8s.Bench.Processes;
using DaprK8s.KubernetesApi;
using DaprK8s.TestServers;

namespace DaprK8s.Bench.Kubernetes;

/// <summary>A service of the control plane, and how long it took until its health endpoint said 200.</summary>
internal sealed record RunningService(ChildProcess Process, int Port, int Health, TimeSpan ReadyAfter)
{
    public Memory Memory => ProcessFigures.MemoryOf(Process.Id);

    public TimeSpan Cpu => ProcessFigures.CpuTime(Process.Id);
}

/// <summary>
/// Sentry, operator and injector in Kubernetes mode against an API server of the test suite that runs in this process, so that what it
/// costs is not counted as theirs.
/// </summary>
internal sealed class ControlPlaneUnderTest : IAsyncDisposable
{
    public const string Namespace = "dapr-system";
    public const string TrustDomain = "cluster.local";

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(30);

    // Each look is a connection and a request that the service has to answer while it starts.
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    private readonly Settings settings;
    private readonly string directory = Directory.CreateTempSubdirectory("bench-cluster-").FullName;
    private readonly List<RunningService> services = [];

    private ControlPlaneUnderTest(Settings settings, KubernetesApiServer api) => (this.settings, Api) = (settings, api);

    public KubernetesApiServer Api { get; }

    public RunningService Sentry { get; private set; } = null!;

    public string SentryAddress => $"127.0.0.1:{Sentry.Port.ToString(CultureInfo.InvariantCulture)}";

    public string AnchorsPem => Api.Objects.Find("configmaps", Namespace, "dapr-trust-bundle")!.Value.GetProperty("data").GetProperty("ca.crt").GetString()!;

    public static async Task<ControlPlaneUnderTest> StartAsync(Settings settings)
    {
        var plane = new ControlPlaneUnderTest(settings, await KubernetesApiServer.StartAsync(new KubernetesApiOptions()));
        foreach (var installed in InstalledObjects.Definitions().Concat(InstalledObjects.Webhooks(Namespace)))
        {
            plane.Api.Objects.Put(installed);
        }

        plane.Put("v1", "Secret", Namespace, "dapr-trust-bundle");
        plane.Put("v1", "ConfigMap", Namespace, "dapr-trust-bundle");
        var (port, health) = (Loopback.FreePort(), Loopback.FreePort());
        plane.PutSystemConfiguration(port);
        plane.Sentry = await plane.StartAsync("sentry", port, health,
        [
            "--mode", "kubernetes", "--trust-domain", TrustDomain, "--port", $"{port}", "--listen-address", "127.0.0.1",
            "--healthz-port", $"{health}", "--enable-metrics=false", "--log-level", "warn", "--kubeconfig", plane.KubeConfig("sentry"),
        ]);
        await File.WriteAllTextAsync(plane.AnchorsFile, plane.AnchorsPem);
        return plane;
    }

    /// <summary>Starts the operator.</summary>
    public Task<RunningService> StartOperatorAsync()
    {
        var (port, health) = (Loopback.FreePort(), Loopback.FreePort());
        return StartAsync("operator", port, health,
        [
            "--port", $"{port}", "--listen-address", "127.0.0.1", "--healthz-port", $"{health}", "--webhook-server-port", $"{Loopback.FreePort()}",
            "--enable-metrics=false", "--log-level", "warn", "--trust-anchors-file", AnchorsFile, "--kubeconfig", KubeConfig("operator"),
        ]);
    }

    /// <summary>Starts the injector.</summary>
    public Task<RunningService> StartInjectorAsync()
    {
        var (port, health) = (Loopback.FreePort(), Loopback.FreePort());
        return StartAsync("injector", port, health,
        [
            "--port", $"{port}", "--healthz-port", $"{health}", "--enable-metrics=false", "--log-level", "warn", "--kubeconfig", KubeConfig("injector"),
        ]);
    }

    /// <summary>Puts an object into the cluster.</summary>
    public void Put(string apiVersion, string kind, string @namespace, string name, JsonObject? spec = null, JsonObject? annotations = null)
    {
        var json = new JsonObject
        {
            ["apiVersion"] = apiVersion,
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace, ["annotations"] = annotations ?? [] },
        };
        if (spec is not null)
        {
            json["spec"] = spec;
        }

        if (kind == "Pod")
        {
            json["status"] = new JsonObject { ["phase"] = "Running" };
        }

        Api.Objects.Put(json);
    }

    /// <summary>The token that a pod proves itself to sentry with, in a file.</summary>
    public string TokenFile(string @namespace, string pod, string account = "default")
    {
        var file = Path.Combine(directory, $"token-{@namespace}-{pod}");
        File.WriteAllText(
            file, Api.Tokens.IssueForPod(@namespace, pod, account, TimeSpan.FromHours(2), $"spiffe://{TrustDomain}/ns/{Namespace}/dapr-sentry"));
        return file;
    }

    /// <summary>Stops a service in good order.</summary>
    public async Task StopAsync(RunningService service)
    {
        services.Remove(service);
        await service.Process.ShutDownAsync(TimeSpan.FromSeconds(10));
        await service.Process.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in Enumerable.Reverse(services).ToList())
        {
            await StopAsync(service);
        }

        await Api.DisposeAsync();
        Directory.Delete(directory, recursive: true);
    }

    private string AnchorsFile => Path.Combine(directory, "ca.crt");

    private void PutSystemConfiguration(int sentryPort) => Put("dapr.io/v1alpha1", "Configuration", Namespace, "daprsystem", new JsonObject
    {
        ["mtls"] = new JsonObject { ["enabled"] = true, ["controlPlaneTrustDomain"] = TrustDomain, ["sentryAddress"] = $"127.0.0.1:{sentryPort}" },
    });

    private string KubeConfig(string service)
    {
        var (file, token) = (Path.Combine(directory, $"config-{service}"), $"token-of-{service}");
        Api.Tokens.Add(token, $"system:serviceaccount:{Namespace}:dapr-{service}");
        Api.WriteKubeConfig(file, token);
        return file;
    }

    private async Task<RunningService> StartAsync(string service, int port, int health, string[] arguments)
    {
        Put("v1", "Pod", Namespace, $"dapr-{service}-0", new JsonObject { ["serviceAccountName"] = $"dapr-{service}" }, new JsonObject { ["dapr.io/control-plane"] = service });
        var environment = new Dictionary<string, string>
        {
            ["NAMESPACE"] = Namespace,
            ["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = "true",
            ["DAPR_SENTRY_TOKEN_FILE"] = TokenFile(Namespace, $"dapr-{service}-0", $"dapr-{service}"),
            ["DAPR_TRUST_ANCHORS_FILE"] = AnchorsFile,
            ["DAPR_CONTROL_PLANE_TRUST_DOMAIN"] = TrustDomain,
            ["DAPR_SENTRY_ADDRESS"] = Sentry is null ? "" : SentryAddress,
            ["SIDECAR_IMAGE"] = "daprd:bench",
        };
        var clock = Stopwatch.StartNew();
        var process = await ChildProcess.StartAsync(settings.Service(service), arguments, environment);
        var request = Http1Connection.Get("/healthz");
        while (true)
        {
            try
            {
                using var connection = new Http1Connection(health, request);
                connection.Exchange();
                var running = new RunningService(process, port, health, clock.Elapsed);
                services.Add(running);
                return running;
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
            {
                if (process.HasExited || clock.Elapsed > StartDeadline)
                {
                    await process.DisposeAsync();
                    throw new TimeoutException($"{service} does not get ready ({e.Message}):\n{process.Output}", e);
                }
            }

            Ticker.SleepUntil(Ticker.Now + Ticker.Nanoseconds(Poll));
        }
    }
}
