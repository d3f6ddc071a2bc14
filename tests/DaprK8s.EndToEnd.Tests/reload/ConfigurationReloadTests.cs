using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Reload;

/// <summary>A Configuration in the resources directory, edited under a running sidecar.</summary>
public sealed class ConfigurationReloadTests : IAsyncLifetime
{
    private HttpApp app = null!;
    private Daprd daprd = null!;

    public async ValueTask InitializeAsync()
    {
        app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Text)));
        var secrets = Path.Combine(TestScope.Current.RuntimeDirectory, "secrets.json");
        await File.WriteAllTextAsync(secrets, """{"one":"1"}""");
        var setup = Daprd.With(app: app, resources: Resource.All(
            Resource.InMemoryState(), Resource.Component("upper", "middleware.http.uppercase"), Resource.Component("vault", "secretstores.local.file", ("secretsFile", secrets))));
        // Where the directory will be is known only to the fixture: a relative path is one of its working directory.
        daprd = await (setup with
        {
            Flags = ["--config", "resources/config.yaml"],
            Resources = setup.Resources.Append(new("config.yaml", Resource.Configuration("tracing: {}"))).ToDictionary(),
        }).StartAsync(Until.Ready);
        await daprd.Log.WaitForAsync("Watching directories");
    }

    public async ValueTask DisposeAsync()
    {
        await daprd.DisposeAsync();
        await app.DisposeAsync();
    }

    [Fact]
    public async Task A_pipeline_is_put_in_and_taken_out_without_a_restart()
    {
        Assert.Equal("text", await EchoAsync());
        await ConfigureAsync("httpPipeline: {handlers: [{name: upper, type: middleware.http.uppercase}]}", async () => await EchoAsync() == "TEXT");
        await ConfigureAsync("appHttpPipeline: {handlers: [{name: upper, type: middleware.http.uppercase}]}", async () => await EchoAsync() == "TEXT");
        await ConfigureAsync("tracing: {}", async () => await EchoAsync() == "text");
        Assert.False(daprd.Log.Contains("restarting"));
        Assert.True(daprd.Log.Contains("was applied without a restart: "));
    }

    [Fact]
    public async Task API_access_lists_count_from_the_next_request_on()
    {
        await ConfigureAsync("api: {denied: [{name: state, version: v1, protocol: http}, {name: state, version: v1, protocol: grpc}]}",
            async () => await StatusAsync("/v1.0/state/statestore/k") != HttpStatusCode.NoContent);
        var refused = Assert.Throws<Grpc.Core.RpcException>(() => daprd.Grpc.GetState(new() { StoreName = "statestore", Key = "k" }));
        Assert.Equal(Grpc.Core.StatusCode.Unimplemented, refused.StatusCode);
        await ConfigureAsync("api: {}", async () => await StatusAsync("/v1.0/state/statestore/k") == HttpStatusCode.NoContent);
        daprd.Grpc.GetState(new() { StoreName = "statestore", Key = "k" });
    }

    [Fact]
    public async Task Secret_scopes_deny_lists_and_features_follow()
    {
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/v1.0/secrets/vault/one"));
        await ConfigureAsync("secrets: {scopes: [{storeName: vault, defaultAccess: deny}]}", async () => await StatusAsync("/v1.0/secrets/vault/one") == HttpStatusCode.Forbidden);
        await ConfigureAsync("components: {deny: [state.in-memory]}\nfeatures: [{name: Own, enabled: true}]", async () => await StatusAsync("/v1.0/secrets/vault/one") == HttpStatusCode.OK);
        await daprd.ShowsAsync("statestore", isThere: false);
        await daprd.ShowsAsync("\"Own\"");
        await ConfigureAsync("tracing: {}", async () => await StatusAsync("/v1.0/state/statestore/k") == HttpStatusCode.NoContent);
    }

    [Fact]
    public async Task API_logging_and_error_codes_are_switched_on()
    {
        await StatusAsync("/v1.0/state/nosuch/k");
        Assert.False(daprd.Log.Contains("HTTP API Called"));
        await ConfigureAsync("logging: {apiLogging: {enabled: true}}\nmetrics: {recordErrorCodes: true}", async () =>
        {
            await StatusAsync("/v1.0/state/nosuch/k");
            return daprd.Log.Contains("HTTP API Called");
        });
        await Eventually.TrueAsync(async () => (await daprd.MetricsAsync()).Contains("dapr_error_code_total{", StringComparison.Ordinal), "error codes to be counted");
    }

    [Fact]
    public async Task What_is_wrong_changes_nothing_and_what_needs_a_restart_is_named()
    {
        await ConfigureAsync("httpPipeline: {handlers: [{name: upper, type: middleware.http.uppercase}]}", async () => await EchoAsync() == "TEXT");
        daprd.Put("config.yaml", Resource.Configuration("secrets: {scopes: [{storeName: vault, defaultAccess: perhaps}]}"));
        await daprd.Log.WaitForAsync("is wrong, the one before stays in use: defaultAccess perhaps can be either allow or deny");
        Assert.Equal("TEXT", await EchoAsync());
        await daprd.ShowsAsync("\"Configuration/test\":\"Degraded: ");

        daprd.Put("config.yaml", Resource.Configuration("nameResolution: {component: sqlite}\nmetrics: {enabled: false}\nmtls: {enabled: true}"));
        await daprd.Log.WaitForAsync("spec.mtls, spec.nameResolution, spec.metrics (enabled, latencyDistributionBuckets, rules) can't change while the sidecar runs");
        Assert.Equal("text", await EchoAsync());
    }

    private async Task ConfigureAsync(string spec, Func<Task<bool>> counts)
    {
        daprd.Put("config.yaml", Resource.Configuration(spec));
        await Eventually.TrueAsync(counts, $"this to count: {spec}");
    }

    private async Task<string> EchoAsync()
    {
        using var answer = await daprd.Http.PostAsync($"/v1.0/invoke/{daprd.AppId}/method/echo", new StringContent("text"));
        return await answer.Content.ReadAsStringAsync();
    }

    private async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var answer = await daprd.Http.GetAsync(path);
        return answer.StatusCode;
    }
}
