using System.Net;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;

namespace DaprK8s.EndToEnd.Tests.ConfigurationApi;

/// <summary>The configuration API over HTTP, and updates pushed to the app (contract: api 1.13, 3.8).</summary>
public sealed class ConfigurationHttpTests
{
    [Theory]
    [InlineData("v1.0")]
    [InlineData("v1.0-alpha1")]
    public async Task Items_are_read_all_or_by_key(string version)
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"), ("size", "7"), ("empty", ""));
        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();

        var all = JsonSerializer.Deserialize<JsonElement>(await daprd.Http.GetStringAsync($"/{version}/configuration/settings"));
        Assert.Equal("red", all.GetProperty("color").GetProperty("value").GetString());
        Assert.NotEmpty(all.GetProperty("color").GetProperty("version").GetString()!);
        Assert.False(all.GetProperty("color").TryGetProperty("metadata", out _));
        Assert.False(all.GetProperty("empty").TryGetProperty("value", out _));
        Assert.Equal(3, all.EnumerateObject().Count());

        var some = JsonSerializer.Deserialize<JsonElement>(await daprd.Http.GetStringAsync($"/{version}/configuration/settings?key=size&key=absent&metadata.x=1"));
        Assert.Equal("7", Assert.Single(some.EnumerateObject()).Value.GetProperty("value").GetString());

        using var none = await daprd.Http.GetAsync($"/{version}/configuration/settings?key=absent");
        Assert.Equal(HttpStatusCode.NoContent, none.StatusCode);
    }

    [Fact]
    public async Task An_app_is_told_each_changed_key_with_the_whole_update_until_it_unsubscribes()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"), ("size", "7"));
        await using var app = await HttpApp.StartAsync(a => a.On("POST /configuration/*", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: cluster.Component).StartAsync(Until.Ready);

        var id = JsonSerializer.Deserialize<JsonElement>(await daprd.Http.GetStringAsync("/v1.0/configuration/settings/subscribe?key=color&key=size")).GetProperty("id").GetString()!;
        Assert.True(Guid.TryParse(id, out _));
        var first = await UpdatesAsync(app, 2);
        Assert.Equal(["/configuration/settings/color", "/configuration/settings/size"], first.Select(r => r.Path));
        Assert.All(first, r =>
        {
            Assert.Equal("application/json", r.Header("Content-Type"));
            Assert.Equal(id, r.Json.GetProperty("id").GetString());
            Assert.Equal(["color", "size"], r.Json.GetProperty("items").EnumerateObject().Select(i => i.Name).Order());
        });

        cluster.Put(("color", "blue"), ("size", "7"), ("shape", "round"));
        var changed = (await UpdatesAsync(app, 3))[2];
        Assert.Equal("/configuration/settings/color", changed.Path);
        Assert.Equal("blue", changed.Json.GetProperty("items").GetProperty("color").GetProperty("value").GetString());

        cluster.Put(("size", "7"));
        var deleted = (await UpdatesAsync(app, 4))[3];
        Assert.Equal("""{"metadata":{"deleted":"true"}}""", deleted.Json.GetProperty("items").GetProperty("color").GetRawText());

        Assert.Equal("""{"ok":true}""", await daprd.Http.GetStringAsync($"/v1.0/configuration/settings/{id}/unsubscribe"));
        cluster.Put(("color", "green"));
        await Eventually.TrueAsync(
            async () => (await daprd.Http.GetStringAsync("/v1.0/configuration/settings")).Contains("green", StringComparison.Ordinal), "the store has the change");
        Assert.Equal(4, app.Requests.All.Count(IsUpdate));
        using var again = await daprd.Http.GetAsync($"/v1.0/configuration/settings/{id}/unsubscribe");
        Assert.Equal(HttpStatusCode.InternalServerError, again.StatusCode);
        Assert.Equal(
            $$"""{"message":"failed to unsubscribe to configuration request {{id}}: subscription does not exist"}""", await again.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_update_that_the_app_refuses_is_logged_and_the_next_one_pushed()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"));
        await using var app = await HttpApp.StartAsync(a => a.On("POST /configuration/*", Reply.Of(201)));
        await using var daprd = await Daprd.With(app: app, resources: cluster.Component).StartAsync(Until.Ready);
        await daprd.Http.GetStringAsync("/v1.0/configuration/settings/subscribe");
        await UpdatesAsync(app, 1);
        await daprd.Log.WaitForAsync("error sending configuration item to application, status 201");
        cluster.Put(("color", "blue"));
        await UpdatesAsync(app, 2);
    }

    [Fact]
    public async Task A_grpc_app_gets_updates_of_its_http_subscription_as_invocations()
    {
        await using var cluster = await SettingsCluster.StartAsync(("color", "red"));
        var got = new Recording<InvokeRequest>();
        await using var app = await GrpcApp.StartAsync(a => a.OnInvoke = (request, _) =>
        {
            got.Add(request);
            return Task.FromResult(new InvokeResponse());
        });
        await using var daprd = await Daprd.With(app: app, resources: cluster.Component).StartAsync(Until.Ready);
        await daprd.Http.GetStringAsync("/v1.0/configuration/settings/subscribe");
        var update = Assert.Single(await got.WaitForAsync(1));
        Assert.Equal("configuration/settings/color", update.Method);
        Assert.Equal(HTTPExtension.Types.Verb.Post, update.HttpExtension.Verb);
        Assert.Contains("\"red\"", update.Data.Value.ToStringUtf8(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_have_the_codes_and_words_of_the_contract()
    {
        await using var cluster = await SettingsCluster.StartAsync();
        await using (var none = await Daprd.With(resources: Resource.InMemoryState()).StartAsync())
        {
            await AssertErrorAsync(none, "configuration/settings", 500, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED", "configuration stores not configured");
        }

        await using var daprd = await Daprd.With(resources: cluster.Component).StartAsync();
        await AssertErrorAsync(daprd, "configuration/other", 400, "ERR_CONFIGURATION_STORE_NOT_FOUND", "configuration store other not found");
        await AssertErrorAsync(daprd, "configuration/other/x/unsubscribe", 400, "ERR_CONFIGURATION_STORE_NOT_FOUND", "configuration store other not found");
        await AssertErrorAsync(
            daprd, "configuration/settings/subscribe", 500, "ERR_APP_CHANNEL_NIL", "app channel is not initialized. cannot subscribe to configuration updates");
    }

    private static bool IsUpdate(RecordedRequest request) => request.Path.StartsWith("/configuration/", StringComparison.Ordinal);

    private static Task<IReadOnlyList<RecordedRequest>> UpdatesAsync(HttpApp app, int count) => app.Requests.WaitForAsync(count, IsUpdate);

    private static async Task AssertErrorAsync(Daprd daprd, string path, int status, string code, string message)
    {
        using var answer = await daprd.Http.GetAsync("/v1.0/" + path);
        Assert.Equal(status, (int)answer.StatusCode);
        var error = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
        Assert.Equal(code, error.GetProperty("errorCode").GetString());
        Assert.Equal(message, error.GetProperty("message").GetString());
    }
}
