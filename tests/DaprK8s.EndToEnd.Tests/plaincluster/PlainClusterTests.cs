using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Operator.V1;
using DaprK8s.Protos.Sentry.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.PlainCluster;

/// <summary>Operator, injector and sidecar against the plainest of API servers.</summary>
public sealed class PlainClusterTests
{
    private const string Components = "/apis/dapr.io/v1alpha1/components";
    private const string Secrets = "/api/v1/secrets";

    [Fact]
    public async Task Changes_are_told_once_each_in_the_words_of_the_API_server()
    {
        await using var cluster = await PlainCluster.StartAsync();
        await cluster.StartOperatorAsync();
        using var channel = await cluster.ConnectAsync("myapp");
        var client = new Operator.OperatorClient(channel);
        using var call = client.ComponentUpdate(new ComponentUpdateRequest { Namespace = PlainCluster.Namespace });
        await call.ResponseHeadersAsync.WaitAsync(Eventually.Deadline);

        await cluster.PutAsync(Components, Untyped("state.redis"), "ADDED");
        await ExpectAsync(ResourceEventType.Created, Untyped("state.redis"));
        await cluster.PutAsync(Components, Untyped("state.inmemory"));
        await ExpectAsync(ResourceEventType.Updated, Untyped("state.inmemory"));
        await cluster.DeleteAsync(Components, "mycomponent");
        await ExpectAsync(ResourceEventType.Deleted, Untyped("state.inmemory"));

        // What only a list shows is found all the same, and is told with its kind when that is known.
        await cluster.PutAsync(Components, Typed("other"), told: null);
        await ExpectAsync(ResourceEventType.Created, Typed("other"));
        Assert.Equal([Typed("other")], (await client.ListComponentsAsync(new ListComponentsRequest { Namespace = PlainCluster.Namespace })).Components.Select(c => Normal(c.ToStringUtf8())));

        async Task ExpectAsync(ResourceEventType type, string document)
        {
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Eventually.Deadline), "the stream goes on");
            Assert.Equal((type, Normal(document)), (call.ResponseStream.Current.Type, Normal(call.ResponseStream.Current.Component.ToStringUtf8())));
        }

        static string Untyped(string type) => Normal($$$"""
            {"metadata":{"name":"mycomponent","namespace":"default","creationTimestamp":null},
             "spec":{"type":"{{{type}}}","version":"v1","ignoreErrors":false,"metadata":null,"initTimeout":""},"auth":{"secretStore":""}}
            """);

        static string Typed(string name) => Normal($$$"""
            {"kind":"Component","apiVersion":"dapr.io/v1alpha1","metadata":{"name":"{{{name}}}","namespace":"default","creationTimestamp":null},
             "spec":{"type":"state.in-memory","version":"v1","ignoreErrors":false,"metadata":null,"initTimeout":""},"auth":{"secretStore":""}}
            """);
    }

    [Fact]
    public async Task A_sidecar_follows_its_components_and_a_rotated_secret()
    {
        await using var cluster = await PlainCluster.StartAsync();
        await cluster.PutAsync(Secrets, Secret("FOO_"), told: null);
        await cluster.PutAsync(Components, """
            {"kind":"Component","apiVersion":"dapr.io/v1alpha1","metadata":{"name":"envstore","namespace":"default","creationTimestamp":null},
             "spec":{"type":"secretstores.local.env","version":"v1","ignoreErrors":false,"initTimeout":"",
              "metadata":[{"name":"prefix","value":null,"secretKeyRef":{"name":"app-secret","key":"prefix"}}]},"auth":{"secretStore":""}}
            """, told: null);
        await cluster.StartOperatorAsync();
        await using var daprd = await cluster.Sidecar(
            "myapp", ["--hot-reload-reconcile-interval", "1s"], new Dictionary<string, string> { ["FOO_SEC"] = "foovalue", ["BAR_SEC"] = "barvalue" }).StartAsync(Until.Ready);
        Assert.Equal("""{"SEC":"foovalue"}""", await daprd.Http.GetStringAsync("/v1.0/secrets/envstore/SEC"));

        var reconciles = daprd.Log.All.Count(l => l.Contains("Running scheduled Component reconcile", StringComparison.Ordinal));
        await Eventually.TrueAsync(
            () => daprd.Log.All.Count(l => l.Contains("Running scheduled Component reconcile", StringComparison.Ordinal)) >= reconciles + 3, "three more reconciles");
        Assert.False(daprd.Log.Contains("Closing existing Component to reload"), "what has not changed is not reloaded");

        await cluster.PutAsync(Secrets, Secret("BAR_"));
        await Eventually.TrueAsync(async () => await daprd.Http.GetStringAsync("/v1.0/secrets/envstore/SEC") == """{"SEC":"barvalue"}""", "the rotated secret is in use");
        Assert.True(daprd.Log.Contains("Closing existing Component to reload: envstore (secretstores.local.env/v1)"));

        await cluster.DeleteAsync(Components, "envstore");
        await Eventually.TrueAsync(async () => JsonNode.Parse(await daprd.Http.GetStringAsync("/v1.0/metadata"))!["components"] is not JsonArray { Count: > 0 }, "the component is gone");

        static string Secret(string prefix) => $$$"""
            {"apiVersion":"v1","kind":"Secret","metadata":{"name":"app-secret","namespace":"default","creationTimestamp":null},
             "data":{"prefix":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(prefix))}}}"}}
            """;
    }

    [Fact]
    public async Task Webhooks_are_served_with_RSA_certificates_and_pods_are_injected()
    {
        await using var cluster = await PlainCluster.StartAsync();
        await cluster.StartOperatorAsync();
        var injector = await cluster.StartInjectorAsync();

        Assert.Equal("RSA", await KeyOfAsync(cluster.WebhookPort));
        Assert.Equal("RSA", await KeyOfAsync(injector));
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
        using var answer = await http.PostAsync($"https://localhost:{injector}/mutate", new StringContent("""
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"7d0e2cd7-5c24-4b0d-8d6a-2a3f2c6f4f0e","kind":{"group":"","version":"v1","kind":"Pod"},
             "resource":{"group":"","version":"","resource":""},"name":"dapr-app","namespace":"default","operation":"CREATE","userInfo":{"groups":["system:masters"]},
             "object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"dapr-app","namespace":"default","creationTimestamp":null,"labels":{"app":"dapr-app"},
              "annotations":{"dapr.io/enabled":"true","dapr.io/app-id":"dapr-app"}},"spec":{"containers":[{"name":"main","image":"docker.io/app:latest","resources":{}}]},"status":{}},
             "oldObject":null,"options":null}}
            """, MediaTypeHeaderValue.Parse("application/json")));
        var response = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["response"]!;
        Assert.Equal(("7d0e2cd7-5c24-4b0d-8d6a-2a3f2c6f4f0e", true), ((string?)response["uid"], (bool)response["allowed"]!));
        Assert.Contains("integration/daprd", Encoding.UTF8.GetString(Convert.FromBase64String((string)response["patch"]!)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sentry_signs_for_a_pod_that_is_served_in_lists_only()
    {
        await using var cluster = await PlainCluster.StartAsync();
        await cluster.PutAsync("/api/v1/pods", """
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"mypod","namespace":"apps","creationTimestamp":null,"annotations":{"dapr.io/app-id":"myappid"}},
             "spec":{"serviceAccountName":"account","containers":null},"status":{}}
            """, told: null);
        await cluster.PutObjectAsync("/apis/authentication.k8s.io/v1/tokenreviews", """
            {"metadata":{"creationTimestamp":null},"spec":{},"status":{"authenticated":true,"user":{"username":"system:serviceaccount:apps:account"}}}
            """);
        using var channel = PlainCluster.ConnectToSentry(await cluster.StartClusterSentryAsync("sentrynamespace"));
        var client = new CA.CAClient(channel);
        using var key = RSA.Create(2048);
        var request = new SignCertificateRequest
        {
            Id = "myappid",
            Namespace = "apps",
            Token = """{"kubernetes.io":{"pod":{"name":"mypod"}}}""",
            TokenValidator = SignCertificateRequest.Types.TokenValidator.Kubernetes,
            CertificateSigningRequest = ByteString.CopyFromUtf8(new CertificateRequest("", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem()),
        };

        Assert.NotEmpty((await client.SignCertificateAsync(request)).WorkloadCertificate);
        request.Id = "notmyappid";
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await client.SignCertificateAsync(request))).StatusCode);
    }

    private static async Task<string?> KeyOfAsync(int port)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("localhost", port);
        await using var tls = new SslStream(client.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("localhost");
        return ((X509Certificate2)tls.RemoteCertificate!).PublicKey.Oid.FriendlyName;
    }

    private static string Normal(string json) => Sorted(JsonNode.Parse(json)!).ToJsonString();

    private static JsonNode Sorted(JsonNode node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, m.Value is null ? null : Sorted(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(i => i is null ? null : Sorted(i))]),
        _ => node.DeepClone(),
    };
}
