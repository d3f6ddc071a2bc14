using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.KubernetesApi;
using DaprK8s.TestOperators;

namespace DaprK8s.EndToEnd.Tests.Kubernetes;

/// <summary>
/// What a sidecar in a pod finds around it: sentry, operator and API server, and the arguments and environment that the injector gives
/// (contract: k8s 3.6).
/// </summary>
internal sealed class KubernetesPod : IAsyncDisposable
{
    public const string Namespace = "apps";
    public const string Token = "token-of-the-pod";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("daprk8s-pod-");

    private KubernetesPod(TestSentry sentry, TestOperator @operator, KubernetesApiServer server) => (Sentry, Operator, Server) = (sentry, @operator, server);

    public TestSentry Sentry { get; }

    public TestOperator Operator { get; }

    public KubernetesApiServer Server { get; }

    /// <summary>A control plane in which the resources are still to be put.</summary>
    public static async Task<KubernetesPod> CreateAsync(bool hasOperator = true)
    {
        var sentry = TestSentry.Stopped(s => s.OwnId = "spiffe://cluster.local/ns/dapr-system/dapr-sentry");
        var @operator = new TestOperator(Ports.Take(), () => Handshake(sentry.Authority));
        var pod = new KubernetesPod(sentry, @operator, await KubernetesApiServer.StartAsync());
        await sentry.StartAsync();
        if (hasOperator)
        {
            await @operator.StartAsync();
        }

        pod.Server.Tokens.Add(Token, $"system:serviceaccount:{Namespace}:default");
        pod.Server.WriteKubeConfig(Path.Combine(pod.directory.FullName, "kubeconfig"), Token);
        await File.WriteAllTextAsync(Path.Combine(pod.directory.FullName, "token"), "token-for-sentry");
        return pod;
    }

    /// <summary>A sidecar with the injector's arguments; those that name its ports are the fixture's.</summary>
    /// <param name="appId">Its app id.</param>
    /// <param name="app">The app beside it.</param>
    /// <param name="configuration">The Configuration of the annotation.</param>
    /// <param name="mtls">Whether sidecars talk to each other under mTLS.</param>
    /// <param name="flags">More arguments.</param>
    /// <param name="env">More variables.</param>
    public DaprdSetup Sidecar(
        string appId, ITestApp? app = null, string? configuration = null, bool mtls = true, IEnumerable<string>? flags = null,
        IReadOnlyDictionary<string, string>? env = null)
        => Daprd.With(appId, app, flags:
        [
            "--dapr-listen-addresses", "[::1],127.0.0.1",
            "--app-protocol", app?.Protocol ?? "http",
            "--log-level", "debug",
            "--dapr-graceful-shutdown-seconds", "-1",
            "--mode", "kubernetes",
            "--control-plane-address", Operator.Address,
            "--sentry-address", $"127.0.0.1:{Sentry.Port}",
            "--enable-metrics",
            .. configuration is null ? Array.Empty<string>() : ["--config", configuration],
            "--placement-host-address", "dapr-placement-server.dapr-system.svc.cluster.local:50005",
            .. mtls ? ["--enable-mtls"] : Array.Empty<string>(),
            "--max-body-size", "4Mi",
            "--scheduler-host-address", "dapr-scheduler-server-a.dapr-system.svc.cluster.local:443",
            .. flags ?? [],
        ],
        env: new Dictionary<string, string>(env ?? new Dictionary<string, string>())
        {
            ["NAMESPACE"] = Namespace,
            ["DAPR_TRUST_ANCHORS"] = Sentry.Authority.RootPem,
            ["POD_NAME"] = appId + "-0",
            ["DAPR_CONTROLPLANE_NAMESPACE"] = "dapr-system",
            ["DAPR_CONTROLPLANE_TRUST_DOMAIN"] = "cluster.local",
            ["DAPR_HOST_IP"] = "127.0.0.1",
            ["DAPR_SENTRY_TOKEN_FILE"] = Path.Combine(directory.FullName, "token"),
            ["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = env?.GetValueOrDefault("DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK") ?? "true",
            ["KUBECONFIG"] = Path.Combine(directory.FullName, "kubeconfig"),
        }) with { Security = Fixture.Security.Off };

    public void PutComponent(string name, string type = "state.in-memory", string metadata = "null", string more = "")
        => Operator.Put("Component", $$$$"""
            {"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"{{{{name}}}}","namespace":"{{{{Namespace}}}}","creationTimestamp":null},
             "spec":{"type":"{{{{type}}}}","version":"v1","ignoreErrors":false,"initTimeout":"","metadata":{{{{metadata}}}}},"auth":{"secretStore":""}{{{{more}}}}}
            """);

    public void PutSecret(string @namespace, string name, string key, string value) => Server.Objects.Put(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = @namespace },
        ["data"] = new JsonObject { [key] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(value)) },
    });

    public async ValueTask DisposeAsync()
    {
        await Operator.DisposeAsync();
        await Sentry.DisposeAsync();
        await Server.DisposeAsync();
        directory.Delete(true);
    }

    private static SslServerAuthenticationOptions Handshake(TestAuthority authority) => new()
    {
        ServerCertificateContext = authority.Present("spiffe://cluster.local/ns/dapr-system/dapr-operator"),
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        ClientCertificateRequired = true,
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            CustomTrustStore = { authority.Root },
        },
    };
}
