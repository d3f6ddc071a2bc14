using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Resources and topics that are not for this app (attack checklist 33 and 34, contract security 4.6 to 4.8).</summary>
public sealed class ComponentScopeTests
{
    [Theory]
    [InlineData("me", "", "", true)]
    [InlineData("other", "", "", false)]
    [InlineData("ME", "", "", false)]
    [InlineData("me2", "", "", false)]
    [InlineData("me", "ns", "ns", true)]
    [InlineData("me", "ns", "other", false)]
    [InlineData("me", "ns", "NS", false)]
    [InlineData("me", "", "other", true)]
    public async Task A_resource_is_loaded_by_the_apps_and_in_the_namespace_that_it_names(string scope, string own, string its, bool loaded)
    {
        var placed = its.Length > 0 ? $"\n  namespace: {its}" : "";
        var resources = Resource.All(
            $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: s{placed}\nspec:\n  type: state.in-memory\n  version: v1\n  metadata: []\nscopes: [{scope}]",
            $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: e{placed}\nspec:\n  baseUrl: http://127.0.0.1:1\nscopes: [{scope}]");
        await using var daprd = await Daprd.With(appId: "me", resources: resources, env: own.Length > 0 ? new Dictionary<string, string> { ["NAMESPACE"] = own } : null).StartAsync(Until.Ready);

        var metadata = await daprd.Http.GetFromJsonAsync("/v1.0/metadata");
        using var state = await daprd.Http.GetAsync("/v1.0/state/s/k");

        Assert.Equal(loaded, metadata.TryGetProperty("components", out _));
        Assert.Equal(loaded, metadata.TryGetProperty("httpEndpoints", out _));
        Assert.Equal(loaded ? 204 : 500, (int)state.StatusCode);
    }

    [Fact]
    public async Task A_secret_store_of_other_apps_gives_no_secrets_to_components_either()
    {
        var file = Path.Combine(TestScope.Current.RuntimeDirectory, "scoped.json");
        await File.WriteAllTextAsync(file, """{"k":"hidden"}""");
        var store = Resource.Component("store", "secretstores.local.file", ("secretsFile", file)) + "scopes: [other]\n";
        const string user = """
            apiVersion: dapr.io/v1alpha1
            kind: HTTPEndpoint
            metadata:
              name: e
            spec:
              baseUrl: http://127.0.0.1:1
              headers:
              - name: X-Secret
                secretKeyRef: {name: k, key: k}
            auth:
              secretStore: store
            """;
        await using var daprd = await Daprd.With(resources: Resource.All(store, user)).StartAsync(Until.Ready);

        Assert.False((await daprd.Http.GetFromJsonAsync("/v1.0/metadata")).TryGetProperty("httpEndpoints", out _));
        Assert.DoesNotContain("hidden", (await Raw.GetAsync(daprd.HttpPort, "/v1.0/secrets/store/k")).Answer);
        Assert.NotEmpty(daprd.Log.With("it references a secret store that isn't loaded"));
    }

    [Theory]
    [InlineData("state.in-memory", false)]
    [InlineData("state.in-memory/v1", false)]
    [InlineData("state.in-memory/v2", true)]
    [InlineData("State.In-Memory", true)]
    [InlineData("state", true)]
    [InlineData("state.in-memory/v1/x", true)]
    [InlineData("", true)]
    public async Task A_denied_type_is_not_loaded(string denied, bool loaded)
    {
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState("s"), config: Resource.Configuration($"components: {{deny: [\"{denied}\"]}}")).StartAsync(Until.Ready);

        using var state = await daprd.Http.GetAsync("/v1.0/state/s/k");
        var grpc = await Raw.CallAsync(daprd, "dapr.proto.runtime.v1.Dapr", "GetState", null, Google.Protobuf.MessageExtensions.ToByteArray(new GetStateRequest { StoreName = "s", Key = "k" }));

        Assert.Equal(loaded ? 204 : 500, (int)state.StatusCode);
        Assert.Equal(loaded, grpc.StatusCode == StatusCode.OK);
        Assert.Equal(loaded, (await daprd.Http.GetFromJsonAsync("/v1.0/metadata")).TryGetProperty("components", out _));
        Assert.Equal(loaded ? 0 : 1, daprd.Log.With("component 's' cannot be loaded because components of type 's (state.in-memory/v1)' are not allowed").Count);
    }

    public static TheoryData<string, string, string[], string[]> TopicRules => new()
    {
        { "allowedTopics", "a, b", ["a", "b"], ["c", "A", "a ", " a", "a,b", "*", "a*", "ns.a", ""] },
        { "protectedTopics", "p", ["a", "P"], ["p"] },
        { "publishingScopes", "me=a, b;other=c", ["a", "b"], ["c", "d"] },
        { "publishingScopes", "me=;other=c", [], ["a", "c", "me", "*"] },
        { "publishingScopes", "ME=a", ["a", "b"], [] },
        { "publishingScopes", "other=c", ["a", "c"], [] },
    };

    [Theory]
    [MemberData(nameof(TopicRules))]
    public async Task Topics_that_an_app_may_not_publish_to_are_refused_on_both_surfaces(string key, string value, string[] allowed, string[] denied)
    {
        await using var daprd = await Daprd.With(appId: "me", resources: Resource.Component("p", "pubsub.in-memory", (key, value))).StartAsync(Until.Ready);

        foreach (var topic in allowed)
        {
            using var http = await daprd.Http.PostAsync($"/v1.0/publish/p/{Uri.EscapeDataString(topic)}", new StringContent("x"));
            Assert.True((int)http.StatusCode == 204, topic);
            await daprd.Grpc.PublishEventAsync(new() { PubsubName = "p", Topic = topic });
        }

        foreach (var topic in denied.Where(t => t.Length > 0))
        {
            foreach (var query in new[] { "", "?metadata.rawPayload=true", $"?metadata.topic={(allowed.Length > 0 ? allowed[0] : "x")}" })
            {
                using var http = await daprd.Http.PostAsync($"/v1.0/publish/p/{Uri.EscapeDataString(topic)}{query}", new StringContent("x"));
                var body = await http.Content.ReadAsStringAsync();
                Assert.True((int)http.StatusCode == 403 && body.Contains("ERR_PUBSUB_FORBIDDEN", StringComparison.Ordinal)
                    && body.Contains($"topic {topic} is not allowed for app id me", StringComparison.Ordinal), $"«{topic}» {body}");
            }

            var error = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.PublishEventAsync(new() { PubsubName = "p", Topic = topic }).ResponseAsync);
            Assert.Equal((StatusCode.PermissionDenied, $"topic {topic} is not allowed for app id me"), (error.StatusCode, error.Status.Detail));
        }
    }

    [Fact]
    public async Task Topics_that_an_app_may_not_subscribe_to_reach_it_in_no_way()
    {
        await using var app = await HttpApp.StartAsync(a => a
            .On("*", Reply.Ok)
            .Subscribe("""
                [{"pubsubname":"p","topic":"open","route":"/open"},{"pubsubname":"p","topic":"closed","route":"/closed-by-code"},{"pubsubname":"p","topic":" open","route":"/closed-by-space"}]
                """));
        await using var daprd = await Daprd.With(
            appId: "me", app: app,
            resources: Resource.All(
                Resource.Component("p", "pubsub.in-memory", ("subscriptionScopes", "me=open")), Resource.Subscription("p", "closed", "/closed-by-resource"),
                Resource.Subscription("p", "dead", "/open", deadLetterTopic: "closed"))).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("subscription to topic 'closed' on pubsub 'p' is not allowed");

        foreach (var topic in new[] { "closed", "dead", " closed", "", "*", "ope", "OPEN", "open,closed" })
        {
            using var stream = daprd.Grpc.SubscribeTopicEventsAlpha1();
            await stream.RequestStream.WriteAsync(new() { InitialRequest = new() { PubsubName = "p", Topic = topic } });
            var error = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext(CancellationToken.None));
            Assert.True(topic.Length == 0 || error.Status.Detail.Contains($"subscription to topic '{topic}' on pubsub 'p' is not allowed", StringComparison.Ordinal), error.Status.Detail);
        }

        foreach (var topic in new[] { "closed", "dead", "%20open", "open" })
        {
            using var answer = await daprd.Http.PostAsync($"/v1.0/publish/p/{topic}", new StringContent("x"));
            Assert.Equal(204, (int)answer.StatusCode);
        }

        await app.WaitForAsync("/open");
        Assert.DoesNotContain(app.Requests.All, r => r.Path.StartsWith("/closed", StringComparison.Ordinal));
        Assert.Single(app.To("/open"));
    }

    [Fact]
    public async Task Topics_are_judged_before_the_namespace_is_put_in_front()
    {
        await using var daprd = await Daprd.With(
            appId: "me", env: new Dictionary<string, string> { ["NAMESPACE"] = "ns" },
            resources: Resource.Component("p", "pubsub.in-memory", ("consumerID", "{namespace}"), ("publishingScopes", "me=open"))).StartAsync(Until.Ready);

        using var open = await daprd.Http.PostAsync("/v1.0/publish/p/open", new StringContent("x"));
        using var prefixed = await daprd.Http.PostAsync("/v1.0/publish/p/nsopen", new StringContent("x"));

        Assert.Equal((204, 403), ((int)open.StatusCode, (int)prefixed.StatusCode));
    }

    [Fact]
    public async Task Metadata_shows_names_and_types_of_components_and_none_of_their_settings()
    {
        await using var daprd = await Daprd.With(resources: Resource.All(
            Resource.Component("s", "state.redis", ("redisHost", "127.0.0.1:1"), ("redisPassword", "hidden-password"), ("redisUsername", "hidden-user")),
            Resource.Component("broken", "state.postgresql/v2", ("connectionString", "host=127.0.0.1 port=1 user=u password=hidden-password dbname=d")))).StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("HTTP server is running");

        await Eventually.TrueAsync(async () => (await daprd.Http.GetStringAsync("/v1.0/metadata")).Contains("\"extended\"", StringComparison.Ordinal), "the metadata API answers");
        var shown = await daprd.Http.GetStringAsync("/v1.0/metadata") + await daprd.Grpc.GetMetadataAsync(new GetMetadataRequest());

        Assert.DoesNotContain("hidden", shown);
        Assert.DoesNotContain("127.0.0.1:1\"", shown);
    }
}

/// <summary>JSON of the HTTP API.</summary>
internal static class JsonAnswers
{
    public static async Task<JsonElement> GetFromJsonAsync(this HttpClient client, string path)
        => JsonSerializer.Deserialize<JsonElement>(await client.GetStringAsync(path));
}
