using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.TestServers;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>Loading resources: what is refused, with which line, and what a component that is not up does to the rest.</summary>
public sealed class ComponentTests
{
    [Theory]
    [InlineData("state.nosuch", "couldn't find state store state.nosuch/v1")]
    [InlineData("state.redis/v9", "couldn't find state store state.redis/v9; versions of this type: v1")]
    [InlineData("state.redis", "redisHost")]
    [InlineData("nonsense", "incorrect type nonsense")]
    public async Task A_component_that_can_not_be_ends_the_start_with_its_file_and_field(string type, string text)
    {
        var (code, log) = await Daprd.With(resources: Resource.Component("wrong", type)).RunAsync();

        Assert.Equal(1, code);
        var line = log.With(text);
        Assert.NotEmpty(line);
        Assert.Contains(line, l => l.Contains("resources.yaml", StringComparison.Ordinal) && l.Contains("wrong", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_ill_typed_field_names_file_component_and_field_but_no_secret()
    {
        var (code, log) = await Daprd.With(resources: Resource.Component(
            "store", "state.redis", ("redisHost", "localhost:1"), ("redisPassword", "hunter2"), ("redisDB", "first"))).RunAsync();

        Assert.Equal(1, code);
        Assert.Contains(log.All, l => l.Contains("resources.yaml", StringComparison.Ordinal) && l.Contains("redisDB", StringComparison.Ordinal));
        Assert.False(log.Contains("hunter2"));
    }

    [Fact]
    public async Task Two_components_of_one_name_end_the_start()
    {
        var (code, log) = await Daprd.With(resources: Resource.All(Resource.InMemoryState("abc"), Resource.InMemoryPubSub("abc"))).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("duplicate definition of Component name abc (pubsub.in-memory/v1) with existing abc (state.in-memory/v1)"));
    }

    [Fact]
    public async Task Bad_documents_and_other_files_do_not_hinder_the_good_ones()
    {
        var setup = Daprd.With();
        await using var daprd = await (setup with
        {
            Resources = new Dictionary<string, string>
            {
                ["a.yaml"] = Resource.All("kind: Deployment\napiVersion: apps/v1", "a: 1\nb: [}", Resource.InMemoryState()),
                ["notes.txt"] = "not YAML",
                ["b.yml"] = Resource.InMemoryPubSub(),
            },
        }).StartAsync();

        var metadata = await daprd.Http.GetStringAsync("/v1.0/metadata");
        Assert.Contains("statestore", metadata, StringComparison.Ordinal);
        Assert.Contains("\"pubsub\"", metadata, StringComparison.Ordinal);
        Assert.True(daprd.Log.Contains("notes.txt was detected, it will not be loaded"));
        Assert.Contains(daprd.Log.All, l => l.Contains("a.yaml", StringComparison.Ordinal) && l.Contains("line 5, column", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Scopes_and_namespaces_choose_what_is_loaded()
    {
        const string others = """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: foreign, namespace: other}
            spec: {type: state.in-memory, version: v1, metadata: []}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: scoped}
            spec: {type: state.in-memory, version: v1, metadata: []}
            scopes: [someone-else]
            """;
        await using var daprd = await Daprd.With(
            resources: Resource.All(others, Resource.InMemoryState()), env: new Dictionary<string, string> { ["NAMESPACE"] = "mine" }).StartAsync();

        var metadata = await daprd.Http.GetStringAsync("/v1.0/metadata");
        Assert.Contains("statestore", metadata, StringComparison.Ordinal);
        Assert.DoesNotContain("foreign", metadata, StringComparison.Ordinal);
        Assert.DoesNotContain("scoped", metadata, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_environment_and_templates_fill_metadata()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """{"prefix":{"value":"from-secret"}}""");
        var resources = $$"""
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: store}
            spec:
              type: state.in-memory
              version: v1
              metadata:
              - name: keyPrefix
                secretKeyRef: {name: "prefix:value", key: "prefix:value"}
            auth: {secretStore: secrets}
            ---
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: secrets}
            spec:
              type: secretstores.local.file
              version: v1
              metadata:
              - {name: secretsFile, envRef: SECRETS_FILE}
            """;
        await using var daprd = await Daprd.With(resources: resources, env: new Dictionary<string, string> { ["SECRETS_FILE"] = file }).StartAsync();

        using var secret = await daprd.Http.GetAsync("/v1.0/secrets/secrets/prefix:value");
        Assert.Equal("""{"prefix:value":"from-secret"}""", await secret.Content.ReadAsStringAsync());
        using var set = await daprd.Http.PostAsync("/v1.0/state/store", new StringContent("""[{"key":"k","value":1}]"""));
        Assert.Equal(HttpStatusCode.NoContent, set.StatusCode);
        Assert.True(daprd.Log.Contains("Component loaded: store (state.in-memory/v1)"));
        Assert.False(daprd.Log.Contains("from-secret"));
    }

    [Fact]
    public async Task A_server_that_comes_up_within_the_timeout_is_waited_for()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.StopAsync();
        var component = Resource.RedisState(redis).Replace("  version: v1", "  version: v1\n  initTimeout: 30s", StringComparison.Ordinal);
        await using var daprd = await Daprd.With(resources: component).StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("Loading components");

        await redis.RestartAsync();

        await daprd.Log.WaitForAsync("Component loaded: statestore (state.redis/v1)");
        using var get = await daprd.Http.GetAsync("/v1.0/state/statestore/k");
        Assert.Equal(HttpStatusCode.NoContent, get.StatusCode);
    }

    [Fact]
    public async Task With_ignoreErrors_the_rest_works_and_the_component_comes_later()
    {
        await using var redis = await RedisServer.StartAsync();
        await redis.StopAsync();
        var component = Resource.RedisState(redis).Replace("  version: v1", "  version: v1\n  ignoreErrors: true\n  initTimeout: 1s", StringComparison.Ordinal);
        await using var daprd = await Daprd.With(resources: Resource.All(component, Resource.InMemoryState("other"))).StartAsync();

        using var other = await daprd.Http.GetAsync("/v1.0/state/other/k");
        using var failing = await daprd.Http.GetAsync("/v1.0/state/statestore/k");
        var body = await failing.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.NoContent, other.StatusCode);
        Assert.Equal(HttpStatusCode.InternalServerError, failing.StatusCode);
        Assert.Contains("component statestore is not ready since ", body, StringComparison.Ordinal);
        Assert.Contains("last error", body, StringComparison.Ordinal);
        Assert.DoesNotContain("statestore", await daprd.Http.GetStringAsync("/v1.0/metadata"), StringComparison.Ordinal);

        await redis.RestartAsync();
        await Eventually.TrueAsync(
            async () => (await daprd.Http.GetAsync("/v1.0/state/statestore/k")).StatusCode == HttpStatusCode.NoContent, "the store serves once its server is up");
    }

    [Fact]
    public async Task Without_ignoreErrors_a_server_that_stays_away_ends_the_sidecar()
    {
        var component = Resource.Component("statestore", "state.redis", ("redisHost", $"127.0.0.1:{Ports.Take()}"))
            .Replace("  version: v1", "  version: v1\n  initTimeout: 1s", StringComparison.Ordinal);

        var (code, log) = await Daprd.With(resources: component).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains("Error processing component, daprd will exit gracefully: process component statestore error: "));
        Assert.True(log.Contains("Fatal error from runtime"));
    }

    [Fact]
    public async Task Denied_component_types_are_left_out()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState(), config: Resource.Configuration("components:\n  deny: [\"state.in-memory/v1\"]")).StartAsync();

        Assert.True(daprd.Log.Contains("component 'statestore' cannot be loaded because components of type 'statestore (state.in-memory/v1)' are not allowed"));
        Assert.DoesNotContain("statestore", await daprd.Http.GetStringAsync("/v1.0/metadata"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("error loading configuration: stat /no/such/file.yaml", "--config=/no/such/file.yaml")]
    [InlineData("failed to load components", "--resources-path=/no/such/directory")]
    public async Task A_missing_file_ends_the_start(string text, string flag)
    {
        var (code, log) = await Daprd.With(flags: [flag]).RunAsync();

        Assert.Equal(1, code);
        Assert.True(log.Contains(text), log.ToString());
    }
}
