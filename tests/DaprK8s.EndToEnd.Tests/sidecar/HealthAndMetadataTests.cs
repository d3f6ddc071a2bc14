using System.Net;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>Health, metadata and the public port.</summary>
public sealed class HealthAndMetadataTests
{
    [Fact]
    public async Task Outbound_is_ready_before_the_app_and_the_whole_after_it()
    {
        await using var app = HttpApp.Stopped();
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Outbound);

        using var before = await daprd.Http.GetAsync("/v1.0/healthz");
        Assert.Equal(HttpStatusCode.InternalServerError, before.StatusCode);
        Assert.Equal("""{"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready: [runtime]"}""", await before.Content.ReadAsStringAsync());

        await app.StartAsync();
        await daprd.WaitUntilReadyAsync();
        Assert.True(daprd.Log.Contains("application discovered on port"));
        await daprd.Log.WaitForAsync("dapr initialized. Status: Running. Init Elapsed");
    }

    [Fact]
    public async Task Health_tells_whether_it_is_the_app_that_was_meant()
    {
        await using var daprd = await Daprd.With().StartAsync(Until.Ready);

        using var same = await daprd.Http.GetAsync($"/v1.0/healthz?appid={daprd.AppId}");
        using var other = await daprd.Http.GetAsync("/v1.0/healthz?appid=other");

        Assert.Equal(HttpStatusCode.NoContent, same.StatusCode);
        Assert.Equal("""{"errorCode":"ERR_HEALTH_APPID_NOT_MATCH","message":"dapr app-id does not match"}""", await other.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Metadata_shows_what_is_loaded_on_both_surfaces()
    {
        await using var app = await HttpApp.StartAsync();
        await using var daprd = await Daprd.With(
            app: app,
            resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "t", "/t", "dead")),
            flags: ["--app-max-concurrency=4", "--enable-app-health-check", "--app-health-check-path=/alive", "--app-health-probe-interval=7"]).StartAsync();

        using var put = await daprd.Http.PutAsync("/v1.0/metadata/owner", new StringContent("me"));
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        var http = JsonDocument.Parse(await daprd.Http.GetStringAsync("/v1.0/metadata")).RootElement;
        var grpc = await daprd.Grpc.GetMetadataAsync(new GetMetadataRequest());

        Assert.Equal(daprd.AppId, http.GetProperty("id").GetString());
        Assert.Equal("me", http.GetProperty("extended").GetProperty("owner").GetString());
        var store = http.GetProperty("components").EnumerateArray().Single(c => c.GetProperty("name").GetString() == "statestore");
        Assert.Equal(
            ["ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR"], store.GetProperty("capabilities").EnumerateArray().Select(c => c.GetString()));
        var subscription = Assert.Single(http.GetProperty("subscriptions").EnumerateArray());
        Assert.Equal(("DECLARATIVE", "dead", "/t"), (
            subscription.GetProperty("type").GetString(), subscription.GetProperty("deadLetterTopic").GetString(), subscription.GetProperty("rules")[0].GetProperty("path").GetString()));
        var connection = http.GetProperty("appConnectionProperties");
        Assert.Equal((4, "7s", "/alive"), (
            connection.GetProperty("maxConcurrency").GetInt32(), connection.GetProperty("health").GetProperty("healthProbeInterval").GetString(),
            connection.GetProperty("health").GetProperty("healthCheckPath").GetString()));

        Assert.Equal(daprd.AppId, grpc.Id);
        Assert.Equal("me", grpc.ExtendedMetadata["owner"]);
        Assert.Equal(2, grpc.RegisteredComponents.Count);
        Assert.Equal(PubsubSubscriptionType.Declarative, Assert.Single(grpc.Subscriptions).Type);
        Assert.Equal(4, grpc.AppConnectionProperties.MaxConcurrency);
    }

    [Fact]
    public async Task The_public_port_serves_health_and_metadata_and_nothing_else()
    {
        var port = Ports.Take();
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState(), flags: [$"--dapr-public-port={port}"], env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "secret" }).StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };

        Assert.Equal(HttpStatusCode.NoContent, (await client.GetAsync("/v1.0/healthz/outbound")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1.0/metadata")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/v1.0/state/statestore/k")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await client.PostAsync("/v1.0/shutdown", null)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await client.PostAsync("/v1.0/metadata", null)).StatusCode);
    }

    [Fact]
    public async Task The_api_is_served_on_unix_sockets_that_are_removed_at_the_end()
    {
        var directory = Directory.CreateTempSubdirectory("sockets").FullName;
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState(), flags: ["--unix-domain-socket", directory]).StartAsync();

        Assert.Equal(HttpStatusCode.OK, (await daprd.Http.GetAsync("/v1.0/metadata")).StatusCode);
        Assert.Equal(2, Directory.GetFiles(directory).Length);
        Assert.Equal(0, await daprd.StopAsync());
        Assert.Empty(Directory.GetFiles(directory));
    }
}
