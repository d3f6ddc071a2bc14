using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>The test API server itself, by bare HTTP: what it answers must be what a real one answers.</summary>
public sealed class KubernetesApiServerTests : IAsyncLifetime
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    private KubernetesApiServer server = null!;
    private HttpClient http = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync();
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(server.AuthorityPem);
        http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } }) { BaseAddress = server.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Tokens.AdministratorToken);
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task Objects_are_created_read_replaced_and_deleted()
    {
        var created = await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m"},"data":{"a":"1"}}""", HttpStatusCode.Created);
        Assert.Equal("ConfigMap", (string?)created["kind"]);
        Assert.Equal("default", (string?)created["metadata"]!["namespace"]);
        Assert.NotNull((string?)created["metadata"]!["uid"]);

        Refused(await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m"}}""", HttpStatusCode.Conflict), "AlreadyExists", "configmaps \"m\" already exists");

        created["data"]!["a"] = "2";
        var replaced = await SendAsync(HttpMethod.Put, $"{Maps}/m", created.ToJsonString());
        Assert.NotEqual((string?)created["metadata"]!["resourceVersion"], (string?)replaced["metadata"]!["resourceVersion"]);
        Refused(await SendAsync(HttpMethod.Put, $"{Maps}/m", created.ToJsonString(), HttpStatusCode.Conflict), "Conflict", "the object has been modified");

        await SendAsync(HttpMethod.Delete, $"{Maps}/m");
        Refused(await SendAsync(HttpMethod.Get, $"{Maps}/m", null, HttpStatusCode.NotFound), "NotFound", "configmaps \"m\" not found");
    }

    [Fact]
    public async Task Identity_of_an_object_cannot_be_changed_and_an_unchanged_write_is_no_change()
    {
        var created = await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m"}}""", HttpStatusCode.Created);
        var copy = created.DeepClone();
        copy["metadata"]!["uid"] = "forged";
        var replaced = await SendAsync(HttpMethod.Put, $"{Maps}/m", copy.ToJsonString());
        Assert.True(JsonNode.DeepEquals(created, replaced));
        await SendAsync(HttpMethod.Put, $"{Maps}/m", """{"metadata":{"name":"other"}}""", HttpStatusCode.BadRequest);
        await SendAsync(HttpMethod.Post, "/api/v1/namespaces/none/configmaps", """{"metadata":{"name":"m"}}""", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Custom_resources_are_replaced_only_with_their_version()
    {
        server.Objects.Put("""{"apiVersion":"dapr.io/v1alpha1","kind":"Component","metadata":{"name":"c"},"spec":{}}""");
        var refused = await SendAsync(
            HttpMethod.Put, "/apis/dapr.io/v1alpha1/namespaces/default/components/c", """{"metadata":{"name":"c"}}""", HttpStatusCode.UnprocessableEntity);
        Refused(refused, "Invalid", "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
    }

    [Fact]
    public async Task Patches_of_both_kinds_apply()
    {
        await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m","labels":{"x":"1"}},"data":{"a":"1","b":"2"}}""", HttpStatusCode.Created);
        var merged = await SendAsync(HttpMethod.Patch, $"{Maps}/m", """{"data":{"a":null,"c":"3"}}""", type: "application/merge-patch+json");
        Assert.Equal("""{"b":"2","c":"3"}""", merged["data"]!.ToJsonString());

        var patched = await SendAsync(
            HttpMethod.Patch,
            $"{Maps}/m",
            """[{"op":"test","path":"/data/b","value":"2"},{"op":"move","from":"/data/b","path":"/data/d"},{"op":"add","path":"/metadata/annotations","value":{"a/b":"1"}},{"op":"replace","path":"/metadata/annotations/a~1b","value":"2"},{"op":"copy","from":"/data/c","path":"/data/e"},{"op":"remove","path":"/data/c"}]""",
            type: "application/json-patch+json");
        Assert.Equal("""{"d":"2","e":"3"}""", patched["data"]!.ToJsonString());
        Assert.Equal("2", (string?)patched["metadata"]!["annotations"]!["a/b"]);

        await SendAsync(HttpMethod.Patch, $"{Maps}/m", """[{"op":"test","path":"/data/d","value":"x"}]""", HttpStatusCode.UnprocessableEntity, "application/json-patch+json");
        await SendAsync(HttpMethod.Patch, $"{Maps}/m", """{"metadata":{"resourceVersion":"1"}}""", HttpStatusCode.Conflict, "application/merge-patch+json");
        await SendAsync(HttpMethod.Patch, $"{Maps}/m", "{}", HttpStatusCode.UnsupportedMediaType, "application/unknown");
    }

    [Fact]
    public async Task Status_is_written_through_its_subresource_alone()
    {
        server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"a","image":"a"}]},"status":{"phase":"Pending"}}""");
        const string path = "/api/v1/namespaces/default/pods/p";
        var both = """{"metadata":{"name":"p"},"spec":{"nodeName":"changed","containers":[{"name":"a","image":"a"}]},"status":{"phase":"Running"}}""";

        var byStatus = await SendAsync(HttpMethod.Put, $"{path}/status", both);
        Assert.Equal("n", (string?)byStatus["spec"]!["nodeName"]);
        Assert.Equal("Running", (string?)byStatus["status"]!["phase"]);
        Assert.Equal(1, (int)byStatus["metadata"]!["generation"]!);

        var byObject = await SendAsync(HttpMethod.Put, path, both.Replace("Running", "Failed", StringComparison.Ordinal));
        Assert.Equal("changed", (string?)byObject["spec"]!["nodeName"]);
        Assert.Equal("Running", (string?)byObject["status"]!["phase"]);
        Assert.Equal(2, (int)byObject["metadata"]!["generation"]!);
    }

    [Fact]
    public async Task Lists_take_selectors_and_come_in_pages()
    {
        foreach (var (name, labels) in new[] { ("a", """{"app":"x","tier":"1"}"""), ("b", """{"app":"x","tier":"2"}"""), ("c", """{"app":"y"}""") })
        {
            await SendAsync(HttpMethod.Post, Maps, $$$"""{"metadata":{"name":"{{{name}}}","labels":{{{labels}}}}}""", HttpStatusCode.Created);
        }

        Assert.Equal("a b", await NamesAsync($"{Maps}?labelSelector=app%3Dx"));
        Assert.Equal("b", await NamesAsync($"{Maps}?labelSelector=app%3Dx,tier%20in%20(2,3)"));
        Assert.Equal("c", await NamesAsync($"{Maps}?labelSelector=!tier"));
        Assert.Equal("c", await NamesAsync($"{Maps}?labelSelector=app!%3Dx"));
        Assert.Equal("b", await NamesAsync($"{Maps}?fieldSelector=metadata.name%3Db"));
        Assert.Equal("a b c", await NamesAsync("/api/v1/configmaps"));

        var first = await SendAsync(HttpMethod.Get, $"{Maps}?limit=2");
        var token = (string?)first["metadata"]!["continue"];
        await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"d"}}""", HttpStatusCode.Created);
        var second = await SendAsync(HttpMethod.Get, $"{Maps}?limit=2&continue={token}");
        Assert.Equal("c", Names(second));
        Assert.Equal((string?)first["metadata"]!["resourceVersion"], (string?)second["metadata"]!["resourceVersion"]);
        Refused(await SendAsync(HttpMethod.Get, $"{Maps}?limit=2&continue={token}", null, HttpStatusCode.Gone), "Expired", "too old resource version");
    }

    [Fact]
    public async Task A_watch_tells_what_begins_and_ceases_to_match()
    {
        var version = (string?)(await SendAsync(HttpMethod.Get, Maps))["metadata"]!["resourceVersion"];
        await using var lines = await WatchAsync($"{Maps}?watch=true&resourceVersion={version}&labelSelector=app%3Dx");
        await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m","labels":{"app":"y"}}}""", HttpStatusCode.Created);
        foreach (var (app, expected) in new[] { ("x", "ADDED"), ("x2", "DELETED"), ("x", "ADDED") })
        {
            await SendAsync(HttpMethod.Patch, $"{Maps}/m", $"{{\"metadata\":{{\"labels\":{{\"app\":\"{app}\"}}}}}}", type: "application/merge-patch+json");
            Assert.Equal(expected, (string?)(await lines.NextAsync())["type"]);
        }

        await SendAsync(HttpMethod.Patch, $"{Maps}/m", """{"data":{"a":"1"}}""", type: "application/merge-patch+json");
        Assert.Equal("MODIFIED", (string?)(await lines.NextAsync())["type"]);
        await SendAsync(HttpMethod.Delete, $"{Maps}/m");
        Assert.Equal("DELETED", (string?)(await lines.NextAsync())["type"]);
    }

    [Fact]
    public async Task A_watch_from_a_forgotten_version_has_expired()
    {
        var version = (string?)(await SendAsync(HttpMethod.Get, Maps))["metadata"]!["resourceVersion"];
        server.ExpireHistory();
        await using var lines = await WatchAsync($"{Maps}?watch=true&resourceVersion={version}");
        var error = await lines.NextAsync();
        Assert.Equal("ERROR", (string?)error["type"]);
        Assert.Equal(410, (int)error["object"]!["code"]!);
    }

    [Fact]
    public async Task Bookmarks_come_only_to_those_who_want_them()
    {
        await using var plain = await WatchAsync($"{Maps}?watch=true");
        await using var wanting = await WatchAsync($"{Maps}?watch=true&allowWatchBookmarks=true");
        await Eventually.TrueAsync(() => server.OpenWatches == 2, "both are open");
        server.SendBookmarks();
        Assert.Equal("BOOKMARK", (string?)(await wanting.NextAsync())["type"]);
        await SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m"}}""", HttpStatusCode.Created);
        Assert.Equal("ADDED", (string?)(await plain.NextAsync())["type"]);
    }

    [Fact]
    public async Task Rules_of_a_user_are_all_that_it_may()
    {
        server.Tokens.Add("t", "somebody");
        server.Access.Restrict("somebody").Allow("configmaps", "get,list", "default", "mine").Allow("secrets", "get", "default");
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "t");

        await SendAsync(HttpMethod.Get, $"{Maps}/mine", null, HttpStatusCode.NotFound);
        await SendAsync(HttpMethod.Get, $"{Maps}?fieldSelector=metadata.name%3Dmine");
        Refused(
            await SendAsync(HttpMethod.Get, $"{Maps}/other", null, HttpStatusCode.Forbidden),
            "Forbidden",
            "configmaps \"other\" is forbidden: User \"somebody\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"default\"");
        await SendAsync(HttpMethod.Get, Maps, null, HttpStatusCode.Forbidden);
        await SendAsync(HttpMethod.Get, "/api/v1/secrets", null, HttpStatusCode.Forbidden);
        await SendAsync(HttpMethod.Get, "/api/v1/namespaces/kube-system/secrets/x", null, HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Token_reviews_judge_audience_pod_and_life()
    {
        server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{}}""");
        var token = server.Tokens.IssueForPod("default", "p", "sa", TimeSpan.FromHours(1), "aud-1", "aud-2");
        var good = await ReviewAsync(token, "aud-2", "aud-3");
        Assert.True((bool)good["authenticated"]!);
        Assert.Equal("system:serviceaccount:default:sa", (string?)good["user"]!["username"]);
        Assert.Equal("""["aud-2"]""", good["audiences"]!.ToJsonString());

        Assert.Null((await ReviewAsync(token, "aud-3"))["authenticated"]);
        Assert.Contains("expired", (string?)(await ReviewAsync(server.Tokens.IssueForPod("default", "p", "sa", TimeSpan.FromSeconds(-1), "a"), "a"))["error"], StringComparison.Ordinal);
        server.Objects.Delete("pods", "default", "p");
        Assert.Contains("invalidated", (string?)(await ReviewAsync(token, "aud-1"))["error"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_take_plain_texts_and_events_generated_names()
    {
        var secret = await SendAsync(
            HttpMethod.Post, "/api/v1/namespaces/default/secrets", """{"metadata":{"name":"s"},"data":{"a":"QQ=="},"stringData":{"b":"B"}}""", HttpStatusCode.Created);
        Assert.Equal("""{"a":"QQ==","b":"Qg=="}""", secret["data"]!.ToJsonString());
        var recorded = await SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/events", """{"metadata":{"generateName":"e."}}""", HttpStatusCode.Created);
        Assert.Matches("^e\\.[a-z0-9]{5}$", (string?)recorded["metadata"]!["name"]);
    }

    private async Task<JsonNode> ReviewAsync(string token, params string[] audiences)
    {
        var body = new JsonObject { ["spec"] = new JsonObject { ["token"] = token, ["audiences"] = new JsonArray([.. audiences.Select(a => JsonValue.Create(a))]) } };
        return (await SendAsync(HttpMethod.Post, "/apis/authentication.k8s.io/v1/tokenreviews", body.ToJsonString(), HttpStatusCode.Created))["status"]!;
    }

    private async Task<string> NamesAsync(string path) => Names(await SendAsync(HttpMethod.Get, path));

    private static string Names(JsonNode list) => string.Join(' ', list["items"]!.AsArray().Select(i => (string?)i!["metadata"]!["name"]));

    private static void Refused(JsonNode status, string reason, string message)
    {
        Assert.Equal("Status", (string?)status["kind"]);
        Assert.Equal(reason, (string?)status["reason"]);
        Assert.Contains(message, (string?)status["message"], StringComparison.Ordinal);
    }

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, string? body = null, HttpStatusCode expected = HttpStatusCode.OK, string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await http.SendAsync(request, Stop);
        var text = await response.Content.ReadAsStringAsync(Stop);
        Assert.True(expected == response.StatusCode, text);
        return JsonNode.Parse(text)!;
    }

    private async Task<Lines> WatchAsync(string path)
        => new(await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, Stop));

    private sealed class Lines(HttpResponseMessage response) : IAsyncDisposable
    {
        private StreamReader? reader;

        public async Task<JsonNode> NextAsync()
        {
            reader ??= new StreamReader(await response.Content.ReadAsStreamAsync(Stop));
            return JsonNode.Parse(await reader.ReadLineAsync(Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Stop) ?? throw new JsonException("the watch has ended"))!;
        }

        public ValueTask DisposeAsync()
        {
            reader?.Dispose();
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
