using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.TestServers;
using Google.Protobuf;
using Grpc.Net.Client;

namespace DaprK8s.EndToEnd.Tests.PlainCluster;

/// <summary>
/// The control plane as shipped, against an API server of the plainest kind (<c>api.mjs</c>) and a self-hosted sentry, as test suites run
/// it that bring an API server of their own: nobody has a token, versions or selectors.
/// </summary>
internal sealed class PlainCluster : IAsyncDisposable
{
    public const string Namespace = "default";
    public const string TrustDomain = "integration.test";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("daprk8s-plain-");
    private readonly List<IAsyncDisposable> running = [];
    private readonly Dictionary<string, JsonObject> stored = [];
    private readonly int port = Ports.Take();
    private readonly int controlPort = Ports.Take();
    private readonly HttpClient http = new();

    public Fixture.Sentry Sentry { get; private set; } = null!;

    public int OperatorPort { get; } = Ports.Take();

    public int WebhookPort { get; } = Ports.Take();

    /// <summary>What operator and injector have written.</summary>
    public LogLines Log { get; } = new();

    public static async Task<PlainCluster> StartAsync()
    {
        var cluster = new PlainCluster();
        await cluster.CreateCertificatesAsync();
        var log = new LogLines();
        cluster.running.Add(await ChildProcess.StartAsync(
            "node", [Path.Combine(AppContext.BaseDirectory, "plaincluster", "api.mjs"), $"{cluster.port}", $"{cluster.controlPort}", cluster.directory.FullName], onLine: log.Add));
        await log.WaitForAsync("listening");
        cluster.Sentry = await Fixture.Sentry.StartAsync("--trust-domain", TrustDomain);
        cluster.running.Add(cluster.Sentry);
        await File.WriteAllTextAsync(Path.Combine(cluster.directory.FullName, "anchors.crt"), cluster.Sentry.AnchorsPem);
        foreach (var (path, kind) in (ReadOnlySpan<(string, string)>)
            [
                ("/api/v1/pods", "Pod"), ("/api/v1/services", "Service"), ("/apis/apps/v1/deployments", "Deployment"), ("/apis/apps/v1/statefulsets", "StatefulSet"),
                ("/apis/dapr.io/v1alpha1/components", "Component"), ("/apis/dapr.io/v1alpha1/configurations", "Configuration"),
                ("/apis/dapr.io/v1alpha1/resiliencies", "Resiliency"), ("/apis/dapr.io/v1alpha1/httpendpoints", "HTTPEndpoint"),
                ("/apis/dapr.io/v2alpha1/subscriptions", "Subscription"), ("/api/v1/secrets", "Secret"),
            ])
        {
            cluster.stored[path] = new JsonObject { ["kind"] = $"{kind}List", ["apiVersion"] = path.StartsWith("/api/", StringComparison.Ordinal) ? "v1" : path.Split('/')[2] + "/" + path.Split('/')[3], ["items"] = null };
        }

        foreach (var path in cluster.stored.Keys)
        {
            await cluster.SendAsync("list", path);
        }

        await cluster.ControlAsync(HttpMethod.Put, $"object/apis/dapr.io/v1alpha1/namespaces/{Namespace}/configurations/daprsystem", JsonNode.Parse($$$$"""
            {"apiVersion":"dapr.io/v1alpha1","kind":"Configuration","metadata":{"name":"daprsystem","namespace":"{{{{Namespace}}}}","creationTimestamp":null},
             "spec":{"mtls":{"enabled":null,"sentryAddress":"localhost:{{{{cluster.Sentry.Port}}}}","controlPlaneTrustDomain":"{{{{TrustDomain}}}}"}}}
            """)!);
        await cluster.ControlAsync(HttpMethod.Put, "object/apis/apiextensions.k8s.io/v1/customresourcedefinitions/subscriptions.dapr.io", JsonNode.Parse("""
            {"metadata":{"name":"subscriptions.dapr.io"},"spec":{"group":"dapr.io","names":{"plural":"subscriptions","kind":"Subscription"},"scope":"Namespaced","versions":[],
             "conversion":{"strategy":"","webhook":{"clientConfig":{},"conversionReviewVersions":null}}}}
            """)!);
        await cluster.ControlAsync(HttpMethod.Put, "object/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/dapr-sidecar-injector", JsonNode.Parse("""{"metadata":{}}""")!);
        return cluster;
    }

    public Task StartOperatorAsync() => StartServiceAsync(
        Executables.Operator,
        [
            $"-port={OperatorPort}", $"-webhook-server-port={WebhookPort}", "-webhook-server-listen-address=127.0.0.1", "-disable-leader-election=true",
            $"-trust-anchors-file={Path.Combine(directory.FullName, "anchors.crt")}",
        ],
        []);

    /// <summary>Starts an injector; answers its port.</summary>
    public async Task<int> StartInjectorAsync()
    {
        var injectorPort = Ports.Take();
        await StartServiceAsync(
            Executables.Injector, [$"-port={injectorPort}"],
            [
                ("SIDECAR_IMAGE", "integration/daprd"), ("DAPR_TRUST_ANCHORS_FILE", Path.Combine(directory.FullName, "anchors.crt")),
                ("DAPR_CONTROL_PLANE_TRUST_DOMAIN", TrustDomain), ("DAPR_SENTRY_ADDRESS", $"localhost:{Sentry.Port}"),
            ]);
        return injectorPort;
    }

    /// <summary>Starts a sentry that finds its authority in this cluster, in a namespace of its own; answers its port.</summary>
    public async Task<int> StartClusterSentryAsync(string @namespace)
    {
        var sentryPort = Ports.Take();
        string Read(string file) => File.ReadAllText(Path.Combine(Sentry.Credentials, file));
        static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
        await PutObjectAsync($"/api/v1/namespaces/{@namespace}/secrets/dapr-trust-bundle", $$"""
            {"apiVersion":"v1","kind":"Secret","metadata":{"name":"dapr-trust-bundle","namespace":"{{@namespace}}","creationTimestamp":null},
             "data":{"ca.crt":"{{Encode(Read("ca.crt"))}}","issuer.crt":"{{Encode(Read("issuer.crt"))}}","issuer.key":"{{Encode(Read("issuer.key"))}}"} }
            """);
        await PutObjectAsync($"/api/v1/namespaces/{@namespace}/configmaps/dapr-trust-bundle", new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "dapr-trust-bundle", ["namespace"] = @namespace },
            ["data"] = new JsonObject { ["ca.crt"] = Read("ca.crt") },
        }.ToJsonString());
        await PutObjectAsync($"/apis/dapr.io/v1alpha1/namespaces/{@namespace}/configurations/daprsystem", new JsonObject
        {
            ["apiVersion"] = "dapr.io/v1alpha1", ["kind"] = "Configuration", ["metadata"] = new JsonObject { ["name"] = "daprsystem", ["namespace"] = @namespace },
            ["spec"] = new JsonObject { ["mtls"] = new JsonObject { ["controlPlaneTrustDomain"] = TrustDomain } },
        }.ToJsonString());
        await StartServiceAsync(
            Executables.Sentry, [$"-port={sentryPort}", "-mode=kubernetes", $"-trust-domain={TrustDomain}", "-issuer-credentials=none"], [("NAMESPACE", @namespace)]);
        return sentryPort;
    }

    /// <summary>A connection to a sentry.</summary>
    public static GrpcChannel ConnectToSentry(int port)
        => GrpcChannel.ForAddress($"https://localhost:{port}", new GrpcChannelOptions { HttpHandler = Trusting([]), DisposeHttpClient = true });

    /// <summary>Puts an object at a path, where every method answers it.</summary>
    public Task PutObjectAsync(string path, string json) => ControlAsync(HttpMethod.Put, $"object{path}", JsonNode.Parse(json)!);

    /// <summary>A sidecar of this cluster.</summary>
    public DaprdSetup Sidecar(string appId, IEnumerable<string>? flags = null, IReadOnlyDictionary<string, string>? environment = null)
        => Daprd.With(
            appId,
            flags:
            [
                "--mode", "kubernetes", "--control-plane-address", $"localhost:{OperatorPort}", "--sentry-address", $"localhost:{Sentry.Port}", "--enable-mtls",
                "--control-plane-trust-domain", TrustDomain, "--disable-builtin-k8s-secret-store", "--log-level", "debug", .. flags ?? [],
            ],
            env: new Dictionary<string, string>(environment ?? new Dictionary<string, string>())
            {
                ["NAMESPACE"] = Namespace,
                ["DAPR_TRUST_ANCHORS"] = Sentry.AnchorsPem,
                ["DAPR_CONTROLPLANE_NAMESPACE"] = Namespace,
                ["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = "true",
            }) with { Security = Fixture.Security.Off };

    /// <summary>A connection of an app's sidecar to the operator, with an identity of sentry's.</summary>
    public async Task<GrpcChannel> ConnectAsync(string appId)
    {
        using var sentry = ConnectToSentry(Sentry.Port);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var answer = await new CA.CAClient(sentry).SignCertificateAsync(new SignCertificateRequest
        {
            Id = appId,
            Namespace = Namespace,
            CertificateSigningRequest = ByteString.CopyFromUtf8(new CertificateRequest($"CN={appId}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem()),
        });
        var pem = answer.WorkloadCertificate.ToStringUtf8();
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(pem);
        return GrpcChannel.ForAddress(
            $"https://localhost:{OperatorPort}", new GrpcChannelOptions { HttpHandler = Trusting([X509Certificate2.CreateFromPem(pem, key.ExportPkcs8PrivateKeyPem()), .. chain.Skip(1)]), DisposeHttpClient = true });
    }

    /// <summary>Puts an object into its list, and tells watchers when asked to.</summary>
    public async Task PutAsync(string path, string json, string? told = "MODIFIED")
    {
        var item = JsonNode.Parse(json)!.AsObject();
        await RemoveFromListAsync(path, NameOf(item));
        (stored[path]["items"] ??= new JsonArray()).AsArray().Add(item);
        await SendAsync("list", path);
        if (told is not null)
        {
            await ControlAsync(HttpMethod.Post, $"event{path}", new JsonObject { ["type"] = told, ["object"] = item.DeepClone() });
        }
    }

    /// <summary>Removes an object, and tells watchers.</summary>
    public async Task DeleteAsync(string path, string name)
    {
        var item = await RemoveFromListAsync(path, name);
        await SendAsync("list", path);
        await ControlAsync(HttpMethod.Post, $"event{path}", new JsonObject { ["type"] = "DELETED", ["object"] = item!.DeepClone() });
    }

    public async Task<IReadOnlyList<string>> RequestsAsync() => (await http.GetFromJsonAsync<string[]>($"http://127.0.0.1:{controlPort}/requests"))!;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(running))
        {
            await process.DisposeAsync();
        }

        http.Dispose();
        directory.Delete(true);
    }

    private async Task StartServiceAsync(string executable, IEnumerable<string> arguments, IEnumerable<(string Name, string Value)> environment)
    {
        var (health, metrics) = (Ports.Take(), Ports.Take());
        TestScope.Current.Show(Path.GetFileName(executable), Log);
        var process = await ChildProcess.StartAsync(
            executable,
            [
                "-log-level=debug", "-listen-address=127.0.0.1", $"-healthz-port={health}", "-healthz-listen-address=127.0.0.1", $"-metrics-port={metrics}",
                "-metrics-listen-address=127.0.0.1", $"-kubeconfig={KubeConfig}", .. arguments,
            ],
            new[] { ("KUBERNETES_SERVICE_HOST", "anything"), ("NAMESPACE", Namespace), ("DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK", "true") }
                .Concat(environment).GroupBy(e => e.Item1).ToDictionary(e => e.Key, e => e.Last().Item2),
            directory: directory.FullName, onLine: Log.Add);
        running.Add(process);
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.False(process.HasExited, $"{executable} ended:\n{Log}");
                using var answer = await http.GetAsync($"http://localhost:{health}/healthz");
                return answer.StatusCode == HttpStatusCode.OK;
            },
            $"{executable} is healthy");
    }

    private string KubeConfig => Path.Combine(directory.FullName, "kubeconfig");

    private async Task<JsonNode?> RemoveFromListAsync(string path, string name)
    {
        if (stored[path]["items"] is not JsonArray items || items.FirstOrDefault(i => NameOf(i!) == name) is not { } found)
        {
            return null;
        }

        items.Remove(found);
        await SendAsync("list", path);
        return found;
    }

    private Task SendAsync(string what, string path) => ControlAsync(HttpMethod.Put, what + path, stored[path]);

    private async Task ControlAsync(HttpMethod method, string path, JsonNode body)
    {
        using var request = new HttpRequestMessage(method, $"http://127.0.0.1:{controlPort}/{path}") { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }

    // Server and client with Ed25519 keys; the client's certificate is the issuer's own, and the server's is for another name than its address.
    private async Task CreateCertificatesAsync()
    {
        await OpenSslAsync("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/O=plain", "-days", "2");
        await IssueAsync("issuer", "ca", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,keyCertSign,cRLSign\n");
        await IssueAsync("leaf", "issuer", "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:cluster.local\n");
        var issuer = await File.ReadAllTextAsync(Path.Combine(directory.FullName, "issuer.crt"));
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, "server.crt"), await File.ReadAllTextAsync(Path.Combine(directory.FullName, "leaf.crt")) + issuer);
        File.Copy(Path.Combine(directory.FullName, "leaf.key"), Path.Combine(directory.FullName, "server.key"));
        await File.WriteAllTextAsync(KubeConfig, $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: default
              cluster:
                server: https://localhost:{port}
                certificate-authority: {directory.FullName}/ca.crt
                tls-server-name: cluster.local
            contexts:
            - name: default
              context:
                cluster: default
                user: default
            users:
            - name: default
              user:
                client-certificate: {directory.FullName}/issuer.crt
                client-key: {directory.FullName}/issuer.key
            current-context: default
            """);
    }

    private async Task IssueAsync(string name, string issuer, string extensions)
    {
        await File.WriteAllTextAsync(Path.Combine(directory.FullName, $"{name}.ext"), extensions);
        await OpenSslAsync("req", "-newkey", "ed25519", "-nodes", "-keyout", $"{name}.key", "-out", $"{name}.csr", "-subj", $"/O=plain {name}");
        await OpenSslAsync("x509", "-req", "-in", $"{name}.csr", "-CA", $"{issuer}.crt", "-CAkey", $"{issuer}.key", "-CAcreateserial", "-days", "2", "-extfile", $"{name}.ext", "-out", $"{name}.crt");
    }

    private Task OpenSslAsync(params string[] arguments) => ChildProcess.RunAsync("openssl", arguments, directory: directory.FullName);

    private static SocketsHttpHandler Trusting(X509Certificate2Collection own) => new()
    {
        SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificateContext = own.Count == 0 ? null : SslStreamCertificateContext.Create(own[0], [.. own.Skip(1)], offline: true),
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        },
    };

    private static string NameOf(JsonNode item) => (string)item["metadata"]!["name"]!;
}
