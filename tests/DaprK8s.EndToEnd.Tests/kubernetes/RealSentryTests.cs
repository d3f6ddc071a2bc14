using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.KubernetesApi;
using DaprK8s.TestOperators;
using DaprK8s.TestServers;

namespace DaprK8s.EndToEnd.Tests.Kubernetes;

/// <summary>The sidecar in Kubernetes mode with sentry in Kubernetes mode, both as they are shipped: the pod's token decides who it is.</summary>
public sealed class RealSentryTests : IAsyncLifetime
{
    private const string SentryId = "spiffe://cluster.local/ns/dapr-system/dapr-sentry";
    private const string Bundle = "dapr-trust-bundle";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("daprk8s-incluster-");
    private readonly LogLines sentryLog = new();
    private readonly int sentryPort = Ports.Take();
    private readonly int healthPort = Ports.Take();
    private KubernetesApiServer server = null!;
    private ChildProcess sentry = null!;

    private string KubeConfig => Path.Combine(directory.FullName, "kubeconfig");

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync();
        server.WriteKubeConfig(KubeConfig);
        Put("v1", "Secret", "dapr-system", Bundle);
        Put("v1", "ConfigMap", "dapr-system", Bundle);
        Put("dapr.io/v1alpha1", "Configuration", "dapr-system", "daprsystem", new JsonObject { ["spec"] = new JsonObject() });
        TestScope.Current.Show("sentry", sentryLog);
        sentry = await ChildProcess.StartAsync(
            Executables.Sentry,
            [
                "--mode", "kubernetes", "--kubeconfig", KubeConfig, "--trust-domain", "cluster.local", "--port", $"{sentryPort}", "--listen-address", "127.0.0.1",
                "--healthz-port", $"{healthPort}", "--healthz-listen-address", "127.0.0.1", "--enable-metrics=false",
            ],
            new Dictionary<string, string> { ["NAMESPACE"] = "dapr-system", ["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = "true" },
            directory: directory.FullName, onLine: sentryLog.Add);
        using var http = new HttpClient();
        await Eventually.TrueAsync(
            async () => (await http.GetAsync($"http://127.0.0.1:{healthPort}/healthz")).StatusCode == HttpStatusCode.OK, "sentry is healthy");
    }

    public async ValueTask DisposeAsync()
    {
        await sentry.DisposeAsync();
        await server.DisposeAsync();
        directory.Delete(true);
    }

    [Fact]
    public async Task The_pods_token_gives_the_identity_that_the_operator_sees()
    {
        Put("dapr.io/v1alpha1", "Configuration", "apps", "mine", new JsonObject
        {
            ["spec"] = new JsonObject { ["accessControl"] = new JsonObject { ["trustDomain"] = "apps.example" } },
        });
        PutPod("orders-0", "orders", "mine");
        await using var @operator = new TestOperator(Ports.Take(), OperatorHandshake);
        await @operator.StartAsync();
        @operator.Put("Component", """{"metadata":{"name":"store","namespace":"apps"},"spec":{"type":"state.in-memory","version":"v1"}}""");

        await using var daprd = await Sidecar("orders", "orders-0", @operator).StartAsync(Until.Ready);

        Assert.All(@operator.Callers, c => Assert.Contains("spiffe://apps.example/ns/apps/orders", c, StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.NoContent, (await daprd.Http.PostAsync("/v1.0/state/store", new StringContent("""[{"key":"k","value":1}]"""))).StatusCode);
    }

    [Fact]
    public async Task A_pod_that_claims_to_be_another_app_does_not_start()
    {
        PutPod("orders-0", "orders", "");
        await using var @operator = new TestOperator(Ports.Take(), OperatorHandshake);
        await @operator.StartAsync();

        await using var daprd = await Sidecar("payments", "orders-0", @operator).StartAsync(Until.Started);

        Assert.Equal(1, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains("app-id mismatch. expected: orders, received: payments"), daprd.Log.ToString());
        Assert.Empty(@operator.Callers);
    }

    private DaprdSetup Sidecar(string appId, string pod, TestOperator @operator)
    {
        var token = Path.Combine(directory.FullName, $"token-{pod}");
        File.WriteAllText(token, server.Tokens.IssueForPod("apps", pod, "default", TimeSpan.FromHours(2), SentryId));
        return Daprd.With(
            appId,
            flags: ["--mode", "kubernetes", "--control-plane-address", @operator.Address, "--sentry-address", $"127.0.0.1:{sentryPort}", "--enable-mtls"],
            env: new Dictionary<string, string>
            {
                ["NAMESPACE"] = "apps",
                ["POD_NAME"] = pod,
                ["DAPR_TRUST_ANCHORS"] = Text("configmaps", "ca.crt"),
                ["DAPR_CONTROLPLANE_NAMESPACE"] = "dapr-system",
                ["DAPR_CONTROLPLANE_TRUST_DOMAIN"] = "cluster.local",
                ["DAPR_SENTRY_TOKEN_FILE"] = token,
                ["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = "true",
                ["KUBECONFIG"] = KubeConfig,
            }) with { Security = Fixture.Security.Off };
    }

    // The operator's certificate is issued here by sentry's own issuer, whose key lies in the cluster.
    private SslServerAuthenticationOptions OperatorHandshake()
    {
        var issuers = new X509Certificate2Collection();
        issuers.ImportFromPem(Decoded("issuer.crt"));
        using var key = ECDsa.Create();
        key.ImportFromPem(Decoded("issuer.key"));
        var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://cluster.local/ns/dapr-system/dapr-operator"));
        var request = new CertificateRequest(new X500DistinguishedName(""), own, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build(critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        var now = DateTimeOffset.UtcNow;
        var leaf = request.Create(
            issuers[0].SubjectName, X509SignatureGenerator.CreateForECDsa(key), now.AddSeconds(-1), now.AddMinutes(30), RandomNumberGenerator.GetBytes(16));
        var anchors = new X509Certificate2Collection();
        anchors.ImportFromPem(Text("configmaps", "ca.crt"));
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(anchors);
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf.CopyWithPrivateKey(own), issuers, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateRequired = true,
            CertificateChainPolicy = policy,
        };
    }

    private string Decoded(string item) => Encoding.UTF8.GetString(Convert.FromBase64String(Text("secrets", item)));

    private string Text(string resource, string item)
        => server.Objects.Find(resource, "dapr-system", Bundle)!.Value.GetProperty("data").GetProperty(item).GetString()!;

    private void PutPod(string name, string appId, string configuration) => Put("v1", "Pod", "apps", name, new JsonObject
    {
        ["spec"] = new JsonObject { ["serviceAccountName"] = "default" },
    }, ("dapr.io/app-id", appId), ("dapr.io/config", configuration));

    private void Put(string apiVersion, string kind, string @namespace, string name, JsonObject? body = null, params (string Name, string Value)[] annotations)
    {
        var json = body ?? [];
        json["apiVersion"] = apiVersion;
        json["kind"] = kind;
        json["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["namespace"] = @namespace,
            ["annotations"] = new JsonObject(annotations.Where(a => a.Value.Length > 0).Select(a => KeyValuePair.Create(a.Name, (JsonNode?)a.Value))),
        };
        server.Objects.Put(json);
    }
}
