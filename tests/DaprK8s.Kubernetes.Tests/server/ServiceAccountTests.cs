using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>Service accounts in the test API server: their tokens, and the pods that run as them.</summary>
public sealed class ServiceAccountTests : IAsyncLifetime
{
    private const string Core = "/api/v1/namespaces/default";
    private const string Pod = """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"a"}]}}""";

    private KubernetesApiServer server = null!;
    private ApiClient api = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions { RequiresServiceAccounts = true });
        api = new ApiClient(server);
    }

    public async ValueTask DisposeAsync()
    {
        api.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_pod_gets_the_token_of_its_account_mounted()
    {
        var refused = await api.PostAsync($"{Core}/pods", Pod, HttpStatusCode.Forbidden);
        Assert.Contains("serviceaccount \"default\" not found", (string?)refused["message"], StringComparison.Ordinal);
        await api.PostAsync($"{Core}/serviceaccounts", """{"metadata":{"name":"default"}}""");
        var pod = await api.PostAsync($"{Core}/pods", Pod);
        var mount = pod["spec"]!["containers"]![0]!["volumeMounts"]![0]!;
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount", (string?)mount["mountPath"]);
        var volume = pod["spec"]!["volumes"]!.AsArray().Single(v => (string?)v!["name"] == (string?)mount["name"]);
        Assert.Equal("token", (string?)volume!["projected"]!["sources"]![0]!["serviceAccountToken"]!["path"]);
        Assert.Equal("default", (string?)pod["spec"]!["serviceAccountName"]);
    }

    [Fact]
    public async Task A_token_is_issued_for_the_wanted_audience_and_pod()
    {
        var account = await api.PostAsync($"{Core}/serviceaccounts", """{"metadata":{"name":"default"}}""");
        var pod = await api.PostAsync($"{Core}/pods", Pod);
        var issued = await api.PostAsync($"{Core}/serviceaccounts/default/token", """
            {"spec":{"audiences":["aud"],"expirationSeconds":700,"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p"}}}
            """);
        var review = await api.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", new JsonObject
        {
            ["spec"] = new JsonObject { ["token"] = issued["status"]!["token"]!.DeepClone(), ["audiences"] = new JsonArray("aud") },
        }.ToJsonString());
        var user = review["status"]!["user"]!;
        Assert.Equal("system:serviceaccount:default:default", (string?)user["username"]);
        Assert.Equal((string?)account["metadata"]!["uid"], (string?)user["uid"]);
        Assert.Equal("p", (string?)user["extra"]!["authentication.kubernetes.io/pod-name"]![0]);
        Assert.Equal((string?)pod["metadata"]!["uid"], (string?)user["extra"]!["authentication.kubernetes.io/pod-uid"]![0]);
        await api.PostAsync($"{Core}/serviceaccounts/absent/token", "{}", HttpStatusCode.NotFound);
    }
}
