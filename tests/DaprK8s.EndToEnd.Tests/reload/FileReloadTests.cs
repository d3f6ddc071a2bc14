using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Reload;

/// <summary>Resource files that are edited under a running sidecar.</summary>
public sealed class FileReloadTests
{
    [Fact]
    public async Task Components_come_change_and_go()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState("first")).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("Watching directories: [" + daprd.ResourcesDirectory + "]");
        Assert.True(daprd.Log.Contains("Hot reloading enabled. Daprd will reload 'Component', 'Subscription', 'MCPServer', 'Configuration', 'HTTPEndpoint', 'Resiliency' and 'WorkflowAccessPolicy' resources when they are added, updated or deleted."));

        daprd.Put("second.yaml", Resource.Component("second", "state.in-memory", ("keyPrefix", "none")));
        await daprd.ShowsAsync("\"second\"");
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "second"));

        daprd.Put("second.yaml", Resource.InMemoryPubSub("second"));
        await daprd.ShowsAsync("pubsub.in-memory");
        Assert.Equal(HttpStatusCode.BadRequest, await SaveAsync(daprd, "second"));

        daprd.Delete("second.yaml");
        await daprd.ShowsAsync("\"second\"", isThere: false);
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "first"));
    }

    [Fact]
    public async Task A_component_that_scopes_exclude_is_removed_and_one_that_they_include_is_added()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();
        daprd.Put("resources.yaml", Resource.InMemoryState() + "scopes: [another]\n");
        await daprd.ShowsAsync("statestore", isThere: false);
        daprd.Put("resources.yaml", Resource.InMemoryState() + $"scopes: [another, {daprd.AppId}]\n");
        await daprd.ShowsAsync("statestore");
    }

    [Fact]
    public async Task A_component_that_can_not_be_updated_stays_and_metadata_say_why()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync(Until.Ready);
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "statestore"));

        daprd.Put("resources.yaml", Resource.Component("statestore", "state.redis"));

        await daprd.ShowsAsync("\"Component/statestore\":\"Degraded: ");
        await daprd.Log.WaitForAsync("component statestore (state.redis/v1) could not be updated, the version before stays in use");
        Assert.Contains(daprd.Log.With("could not be updated"), l => l.Contains("redisHost", StringComparison.Ordinal) && l.Contains("resources.yaml", StringComparison.Ordinal));
        Assert.Equal("1", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));
        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        Assert.Equal(HttpStatusCode.NoContent, health.StatusCode);

        daprd.Put("resources.yaml", Resource.InMemoryState());
        await daprd.ShowsAsync("Degraded", isThere: false);
        Assert.Equal("1", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));
    }

    [Fact]
    public async Task A_new_component_that_fails_ends_the_sidecar_as_at_the_start()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();
        daprd.Put("wrong.yaml", Resource.Component("wrong", "state.nosuch"));
        Assert.Equal(1, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains("Fatal error from runtime: process component wrong error: "));
    }

    [Fact]
    public async Task Subscriptions_come_change_and_go()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(app: app, resources: Resource.InMemoryPubSub()).StartAsync(Until.Ready);

        daprd.Put("s.yaml", Files.Subscription("s", "pubsub", "orders", "/one"));
        await daprd.Log.WaitForAsync("subscribed to topic 'orders' through pubsub=pubsub");
        await PublishAsync(daprd, "pubsub", "first");
        await app.WaitForAsync("/one");

        daprd.Put("s.yaml", Files.Subscription("s", "pubsub", "orders", "/two"));
        await daprd.ShowsAsync("/two");
        await Eventually.TrueAsync(
            async () =>
            {
                await PublishAsync(daprd, "pubsub", "again");
                return app.To("/two").Count > 0;
            },
            "a delivery to the new route");

        daprd.Delete("s.yaml");
        await daprd.ShowsAsync("orders", isThere: false);
    }

    [Fact]
    public async Task A_pubsub_component_that_comes_late_gets_its_subscriptions()
    {
        await using var app = await HttpApp.StartAsync(a => a
            .On("*", Reply.Ok).Subscribe("""[{"pubsubname":"late","topic":"asked","route":"/asked"}]"""));
        await using var daprd = await Daprd.With(app: app, resources: Files.Subscription("s", "late", "orders", "/declared")).StartAsync(Until.Ready);

        daprd.Put("late.yaml", Resource.InMemoryPubSub("late"));

        await daprd.Log.WaitForAsync("subscribed to topic 'orders' through pubsub=late");
        await daprd.Log.WaitForAsync("subscribed to topic 'asked' through pubsub=late");
    }

    [Fact]
    public async Task Endpoints_come_change_and_go()
    {
        await using var one = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "one")));
        await using var two = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "two")));
        await using var daprd = await Daprd.With(resources: Files.Endpoint("service", one.Port)).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("Watching directories");
        Assert.Equal("one", await daprd.Http.GetStringAsync("/v1.0/invoke/service/method/m"));

        daprd.Put("resources.yaml", Files.Endpoint("service", two.Port));
        await daprd.Log.WaitForAsync("Received HTTPEndpoint UPDATED event: service - triggering SIGHUP reload");
        await Eventually.TrueAsync(async () => await daprd.Http.GetStringAsync("/v1.0/invoke/service/method/m") == "two", "calls to the new address");

        daprd.Put("resources.yaml", Files.Endpoint("service", 0).Replace("http:", "ftp:", StringComparison.Ordinal));
        await daprd.ShowsAsync("\"HTTPEndpoint/service\":\"Degraded: ");
        Assert.Equal("two", await daprd.Http.GetStringAsync("/v1.0/invoke/service/method/m"));

        daprd.Delete("resources.yaml");
        await daprd.ShowsAsync("\"httpEndpoints\"", isThere: false);
    }

    [Fact]
    public async Task A_long_answer_of_an_endpoint_outlives_its_change()
    {
        var half = new TaskCompletionSource();
        await using var slow = await HttpApp.StartAsync(a => a.OnStream("/m", async context =>
        {
            await context.Response.WriteAsync("first ");
            await context.Response.Body.FlushAsync();
            await half.Task;
            await context.Response.WriteAsync("second");
        }));
        await using var daprd = await Daprd.With(resources: Files.Endpoint("service", slow.Port)).StartAsync(Until.Ready);
        using var answer = await daprd.Http.GetAsync("/v1.0/invoke/service/method/m", HttpCompletionOption.ResponseHeadersRead);

        daprd.Delete("resources.yaml");
        await daprd.ShowsAsync("\"httpEndpoints\"", isThere: false);
        half.SetResult();

        Assert.Equal("first second", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Resiliencies_are_shown_as_they_come_and_go()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync();
        daprd.Put("r.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: patience}\nspec: {}\n");
        await daprd.ShowsAsync("\"resiliencies\":[{\"name\":\"patience\"}]");
        daprd.Delete("r.yaml");
        await daprd.ShowsAsync("patience", isThere: false);
    }

    [Fact]
    public async Task Broken_and_half_written_files_and_a_directory_that_goes_change_nothing()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState()).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("Watching directories");
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "statestore"));

        daprd.Overwrite("resources.yaml", "apiVersion: dapr.io/v1alpha1\nkind: [Compo");
        await daprd.Log.WaitForAsync("what was read of the file before stays in use");
        Assert.NotEmpty(daprd.Log.With("resources.yaml: line 3, column 1"));
        Assert.Equal("1", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));

        Directory.Delete(daprd.ResourcesDirectory, recursive: true);
        await daprd.Log.WaitForAsync("what was loaded from it stays in use");
        Assert.Equal("1", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));

        Directory.CreateDirectory(daprd.ResourcesDirectory);
        daprd.Put("resources.yaml", Resource.All(Resource.InMemoryState(), Resource.InMemoryState("other")));
        await daprd.ShowsAsync("\"other\"");
        Assert.Equal("1", await daprd.Http.GetStringAsync("/v1.0/state/statestore/k"));
    }

    [Fact]
    public async Task A_name_that_is_taken_twice_ends_the_sidecar()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState("abc")).StartAsync();
        daprd.Put("z.yaml", Resource.InMemoryPubSub("abc"));
        Assert.Equal(1, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains(
            "Fatal error from runtime: failed to load resources from disk: duplicate definition of Component name abc (pubsub.in-memory/v1) with existing abc (state.in-memory/v1)"));
    }

    [Fact]
    public async Task With_the_feature_off_nothing_is_reloaded()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState(), config: Resource.Configuration("features:\n- {name: HotReload, enabled: false}")).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("Hot reloading is disabled");
        daprd.Put("b.yaml", Resource.InMemoryState("later"));
        using var answer = await daprd.Http.GetAsync("/v1.0/state/later/k");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.False(daprd.Log.Contains("Watching directories"));
    }

    internal static async Task PublishAsync(Daprd daprd, string pubsub, string data)
    {
        using var answer = await daprd.Http.PostAsync($"/v1.0/publish/{pubsub}/orders", new StringContent($"\"{data}\"", null, "application/json"));
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    private static async Task<HttpStatusCode> SaveAsync(Daprd daprd, string store)
    {
        using var answer = await daprd.Http.PostAsync($"/v1.0/state/{store}", new StringContent("""[{"key":"k","value":1}]"""));
        return answer.StatusCode;
    }
}
