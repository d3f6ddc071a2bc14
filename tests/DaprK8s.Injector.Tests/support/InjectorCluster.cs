using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Components.Tests.Support;
using DaprK8s.Injector.Kubernetes;
using DaprK8s.Injector.Server;
using DaprK8s.KubernetesApi;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Server;
using DaprK8s.TestServers;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Tests.Support;

/// <summary>
/// A cluster as the chart leaves it, with a real sentry and a real injector in this process, which may do what their roles allow and
/// nothing else (contract: k8s 4.8).
/// </summary>
internal sealed class InjectorCluster : IAsyncDisposable
{
    public const string Namespace = "dapr-system";
    public const string User = $"system:serviceaccount:{Namespace}:dapr-injector";
    public const string Webhooks = "mutatingwebhookconfigurations.admissionregistration.k8s.io";

    private const string SentryUser = $"system:serviceaccount:{Namespace}:dapr-sentry";
    private const string Bundle = "dapr-trust-bundle";
    private const string PodName = "dapr-sidecar-injector-0";
    private const string TrustDomain = "cluster.local";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-injector-");
    private readonly CancellationTokenSource stopInjector = new();
    private CancellationTokenSource stopSentry = new();
    private readonly Dictionary<string, string> environment = [];
    private readonly int sentryPort = Loopback.FreePort();
    private readonly int sentryHealth = Loopback.FreePort();
    private Task injector = Task.CompletedTask;
    private Task sentry = Task.CompletedTask;

    private InjectorCluster(KubernetesApiServer server)
    {
        Server = server;
        server.Types.Serve(new ResourceType("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", Namespaced: false));
        server.Tokens.Add("token-of-injector", User);
        server.Tokens.Add("token-of-sentry", SentryUser);
        server.WriteKubeConfig(File("injector.config"), "token-of-injector");
        server.WriteKubeConfig(File("sentry.config"), "token-of-sentry");
        Role = server.Access.Restrict(User)
            .Allow("serviceaccounts", "get,list")
            .Allow("components.dapr.io", "get,list")
            .Allow("configurations.dapr.io", "get", Namespace)
            .Allow(Webhooks, "get,list,watch,patch", name: WebhookCaBundle.Name);
        Put("v1", "Secret", Namespace, Bundle);
        Put("v1", "ConfigMap", Namespace, Bundle);
        Put("v1", "ServiceAccount", "kube-system", "job-controller");
        PutWebhooks("sidecar-injector.dapr.io");
        Put("v1", "Pod", Namespace, PodName, ("spec", new JsonObject { ["serviceAccountName"] = "dapr-injector" }));
        server.Objects.Change("pods", Namespace, PodName, p => p["metadata"]!["annotations"] = new JsonObject { ["dapr.io/control-plane"] = "injector" });
        System.IO.File.WriteAllText(File("token"), server.Tokens.IssueForPod(
            Namespace, PodName, "dapr-injector", TimeSpan.FromHours(1), $"spiffe://{TrustDomain}/ns/{Namespace}/dapr-sentry"));
        environment["NAMESPACE"] = Namespace;
        environment["SIDECAR_IMAGE"] = "registry.example/daprd:1.17.0";
        environment["DAPR_TRUST_ANCHORS_FILE"] = AnchorsFile;
        environment["DAPR_CONTROL_PLANE_TRUST_DOMAIN"] = TrustDomain;
        environment["DAPR_SENTRY_ADDRESS"] = $"127.0.0.1:{sentryPort}";
        environment["DAPR_SENTRY_TOKEN_FILE"] = File("token");
        environment["KUBE_CLUSTER_DOMAIN"] = "cluster.local";
    }

    public KubernetesApiServer Server { get; }

    public KubernetesApi.Access.Role Role { get; }

    public RecordingLogger Log { get; } = new();

    public int Port { get; } = Loopback.FreePort();

    public int HealthPort { get; } = Loopback.FreePort();

    public int MetricsPort { get; } = Loopback.FreePort();

    public string AnchorsFile => File("ca.crt");

    public string Anchors => Server.Objects.Find("configmaps", Namespace, Bundle)!.Value.GetProperty("data").GetProperty("ca.crt").GetString()!;

    /// <summary>The running injector.</summary>
    public Task Injector => injector;

    /// <summary>An API server with the objects of the chart; nothing runs yet.</summary>
    public static async Task<InjectorCluster> PrepareAsync() => new(await KubernetesApiServer.StartAsync());

    /// <summary>A cluster with a sentry and an injector that is ready.</summary>
    public static async Task<InjectorCluster> StartAsync()
    {
        var cluster = await PrepareAsync();
        await cluster.StartSentryAsync();
        cluster.StartInjector();
        await cluster.ReadyAsync();
        return cluster;
    }

    public InjectorCluster With(string variable, string value)
    {
        environment[variable] = value;
        return this;
    }

    /// <summary>Starts sentry, waits until it is healthy, and mounts its trust anchors as the kubelet does.</summary>
    public async Task StartSentryAsync(string certificateLifetime = "1h")
    {
        Put("dapr.io/v1alpha1", "Configuration", Namespace, "daprsystem", ("spec", new JsonObject
        {
            ["mtls"] = new JsonObject { ["enabled"] = true, ["workloadCertTTL"] = certificateLifetime },
        }));
        var options = new SentryOptions
        {
            IsKubernetes = true,
            Kubeconfig = File("sentry.config"),
            TrustDomain = TrustDomain,
            Namespace = Namespace,
            Port = sentryPort,
            ListenAddress = "127.0.0.1",
            HealthPort = sentryHealth,
            HealthAddress = "127.0.0.1",
            MetricsEnabled = false,
        };
        var stop = stopSentry.Token;
        sentry = Task.Run(async () =>
        {
            using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Warning).AddProvider(new Provider(Log)));
            await using var platform = new InKubernetes(options, n => n == "NAMESPACE" ? Namespace : null, loggers, TimeProvider.System);
            await new SentryRun(options, platform, loggers, TimeProvider.System).RunAsync(stop);
        });
        await Eventually.TrueAsync(async () => !Failed(sentry) && await StatusAsync(sentryHealth) == HttpStatusCode.OK, "sentry is healthy");
        System.IO.File.WriteAllText(AnchorsFile, Anchors);
    }

    /// <summary>Stops sentry; it can be started again.</summary>
    public async Task StopSentryAsync()
    {
        await stopSentry.CancelAsync();
        await sentry.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stopSentry.Dispose();
        stopSentry = new CancellationTokenSource();
    }

    /// <summary>Starts the injector.</summary>
    public void StartInjector(TimeProvider? time = null)
    {
        var options = new InjectorFlags(n => environment.GetValueOrDefault(n)).Parse(
        [
            "--port", $"{Port}", "--listen-address", "127.0.0.1", "--healthz-port", $"{HealthPort}", "--healthz-listen-address", "127.0.0.1",
            "--metrics-port", $"{MetricsPort}", "--metrics-listen-address", "127.0.0.1", "--kubeconfig", File("injector.config"),
        ]);
        injector = Task.Run(async () =>
        {
            using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(new Provider(Log)));
            var clock = time ?? TimeProvider.System;
            using var client = new KubernetesClient(KubernetesConnection.Find(options.Kubeconfig, clock), clock);
            await new InjectorRun(options, client, loggers, clock).RunAsync(stopInjector.Token);
        });
    }

    public Task ReadyAsync()
        => Eventually.TrueAsync(async () => !Failed(injector) && await HealthAsync() == HttpStatusCode.OK, "the injector is ready");

    public Task<HttpStatusCode?> HealthAsync() => StatusAsync(HealthPort);

    /// <summary>Stops the injector as SIGTERM does.</summary>
    public async Task StopInjectorAsync()
    {
        await stopInjector.CancelAsync();
        await injector.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Creates or replaces the webhook's configuration as the chart has it: without CA bundle.</summary>
    public void PutWebhooks(params string[] names) => Put(
        "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", null, WebhookCaBundle.Name,
        ("webhooks", new JsonArray([.. names.Select(n => new JsonObject
        {
            ["name"] = n,
            ["clientConfig"] = new JsonObject { ["service"] = new JsonObject { ["namespace"] = Namespace, ["name"] = "dapr-sidecar-injector", ["path"] = "/mutate" } },
        })])));

    /// <summary>The CA bundles in the webhook's configuration, PEM.</summary>
    public IReadOnlyList<string> CaBundles()
        => [.. Server.Objects.Find(Webhooks, "", WebhookCaBundle.Name)!.Value.GetProperty("webhooks").EnumerateArray().Select(
            w => w.GetProperty("clientConfig").TryGetProperty("caBundle", out var bundle) ? Encoding.ASCII.GetString(bundle.GetBytesFromBase64()) : "")];

    public Task BundlesAreAsync(params string[] bundles)
        => Eventually.TrueAsync(() => CaBundles().SequenceEqual(bundles), $"the webhook configuration holds {string.Join(" and ", bundles)}");

    public void Put(string apiVersion, string kind, string? @namespace, string name, params (string Name, JsonNode Value)[] members)
    {
        var json = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name } };
        if (@namespace is not null)
        {
            json["metadata"]!["namespace"] = @namespace;
        }

        foreach (var (member, value) in members)
        {
            json[member] = value;
        }

        Server.Objects.Put(json);
    }

    /// <summary>A client of the webhook like the API server: it trusts the CA bundle, and compares the Service's name.</summary>
    public WebhookClient NewClient() => new(Port, CaBundles()[0]);

    public Task LogShowsAsync(LogLevel level, string text)
        => Eventually.TrueAsync(() => Log.Lines.Any(l => l.Level == level && l.Text.Contains(text, StringComparison.Ordinal)), $"the log tells '{text}'");

    public async ValueTask DisposeAsync()
    {
        await StopInjectorAsync();
        await stopSentry.CancelAsync();
        await sentry.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Server.DisposeAsync();
        stopInjector.Dispose();
        stopSentry.Dispose();
        directory.Delete(true);
    }

    private string File(string name) => Path.Combine(directory.FullName, name);

    private static bool Failed(Task task) => task.IsFaulted ? throw new InvalidOperationException("it ended", task.Exception) : false;

    private static async Task<HttpStatusCode?> StatusAsync(int port)
    {
        using var http = new HttpClient();
        try
        {
            return (await http.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz"), TestContext.Current.CancellationToken)).StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private sealed class Provider(RecordingLogger log) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void Dispose()
        {
        }
    }
}
