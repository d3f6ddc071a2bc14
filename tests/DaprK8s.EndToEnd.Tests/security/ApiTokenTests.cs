using System.Net;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>One sidecar with an API token and an app that must never see a call without it.</summary>
public sealed class TokenGuardedSidecar : IAsyncLifetime
{
    internal const string Token = "S3cret-token";

    internal HttpApp App { get; private set; } = null!;

    internal Daprd Daprd { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        App = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "reached the app")).On("GET /dapr/subscribe", Reply.Json("[]")));
        Daprd = await Daprd.With(
            app: App, resources: Resource.InMemoryState(), env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = Token },
            config: Resource.Configuration("api: {denied: [{name: healthz, version: v1, protocol: http}]}")).StartAsync(Until.Ready);
    }

    public async ValueTask DisposeAsync()
    {
        await Daprd.DisposeAsync();
        await App.DisposeAsync();
    }
}

/// <summary>The API token (attack checklist 28 and 29): what is exempt is what is routed to health, and nothing passes for the token.</summary>
public sealed class ApiTokenTests(TokenGuardedSidecar guarded) : IClassFixture<TokenGuardedSidecar>
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    private Daprd Daprd => guarded.Daprd;

    [Theory]
    [InlineData("/v1.0/healthz")]
    [InlineData("/v1.0/healthz/")]
    [InlineData("/v1.0/healthz/outbound")]
    [InlineData("/v1.0/healthz?x=/v1.0/metadata")]
    [InlineData("//v1.0/healthz")]
    [InlineData("/v1.0//healthz//")]
    [InlineData("/v1.0/./healthz")]
    [InlineData("/v1.0/metadata/../healthz")]
    [InlineData("/v1.0/invoke/{app}/method/../../../healthz")]
    [InlineData("http://x/v1.0/healthz")]
    public async Task Health_needs_no_token_and_is_health_in_every_spelling(string target)
    {
        var (status, answer) = await Raw.GetAsync(Daprd.HttpPort, target.Replace("{app}", Daprd.AppId, StringComparison.Ordinal), "GET", $"dapr-app-id: {Daprd.AppId}");

        Assert.True(status == 204, answer);
        Assert.DoesNotContain("reached the app", answer);
    }

    [Theory]
    [InlineData("/v1.0/metadata")]
    [InlineData("/v1.0/metadata?x=/healthz")]
    [InlineData("/v1.0/metadata?/v1.0/healthz")]
    [InlineData("/v1.0/metadata#/v1.0/healthz")]
    [InlineData("/v1.0/healthz/../metadata")]
    [InlineData("/v1.0/healthz/outbound/../../metadata")]
    [InlineData("/v1.0/healthz/%2e%2e/metadata")]
    [InlineData("/v1.0%2Fhealthz")]
    [InlineData("/v1.0%2fhealthz")]
    [InlineData("/v1.0/healthz%2Foutbound")]
    [InlineData("/v1.0/health%7A")]
    [InlineData("/v1.0/healthz%00")]
    [InlineData("/v1.0/healthz%20")]
    [InlineData("/v1.0/healthz;x")]
    [InlineData("/v1.0/healthz/more")]
    [InlineData("/V1.0/healthz")]
    [InlineData("/v1.0/Healthz")]
    [InlineData("/v1.0\\healthz")]
    [InlineData("/healthz")]
    [InlineData("/")]
    [InlineData("/v1.0/invoke/{app}/method/v1.0/healthz")]
    [InlineData("/v1.0/invoke/{app}/method/v1.0%2Fhealthz")]
    [InlineData("http://x/v1.0/metadata?/v1.0/healthz")]
    [InlineData("http://x/v1.0/healthz/../metadata")]
    [InlineData("http://v1.0/healthz")]
    [InlineData("/v1.0/healthz", "POST")]
    [InlineData("/v1.0/healthz", "HEAD")]
    [InlineData("/v1.0/healthz", "PUT")]
    [InlineData("/v1.0/healthz", "DELETE")]
    [InlineData("/v1.0/healthz", "OPTIONS")]
    [InlineData("/v1.0/healthz", "get")]
    [InlineData("/v1.0/healthz", "X-OWN")]
    public async Task Everything_else_needs_the_token_also_where_it_would_be_an_invocation(string target, string verb = "GET")
    {
        target = target.Replace("{app}", Daprd.AppId, StringComparison.Ordinal);
        var basic = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes($"dapr-app-id:{Daprd.AppId}"));

        foreach (var headers in new string[][] { [], [$"dapr-app-id: {Daprd.AppId}"], [$"Authorization: Basic {basic}"] })
        {
            var (status, answer) = await Raw.GetAsync(Daprd.HttpPort, target, verb, headers);

            // A target that is no HTTP at all is refused before anybody asks for a token.
            Assert.True(status is 401 or 400, $"{verb} {target}: {answer}");
            Assert.DoesNotContain("reached the app", answer);
        }

        Assert.DoesNotContain(guarded.App.Requests.All, r => r.Path is not ("/dapr/subscribe" or "/dapr/config"));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(401, "dapr-api-token:")]
    [InlineData(401, "dapr-api-token: s3cret-token")]
    [InlineData(401, "dapr-api-token: S3cret-toke")]
    [InlineData(401, "dapr-api-token: S3cret-tokenX")]
    [InlineData(401, "dapr-api-token: S3cret-token,S3cret-token")]
    [InlineData(401, "dapr-api-token: x, S3cret-token")]
    [InlineData(401, "dapr-api-token: \"S3cret-token\"")]
    [InlineData(401, "dapr-api-token: Bearer S3cret-token")]
    [InlineData(401, "dapr-api-token: x", "dapr-api-token: S3cret-token")]
    [InlineData(401, "dapr-api-token:", "Dapr-Api-Token: S3cret-token")]
    [InlineData(401, "dapr_api_token: S3cret-token")]
    [InlineData(401, "x-dapr-api-token: S3cret-token")]
    [InlineData(401, "Authorization: Bearer S3cret-token")]
    [InlineData(401, "Cookie: dapr-api-token=S3cret-token")]
    [InlineData(401, "Connection: dapr-api-token", "dapr-api-token: x")]
    [InlineData(200, "dapr-api-token: S3cret-token")]
    [InlineData(200, "DAPR-API-TOKEN: S3cret-token")]
    public async Task Only_the_token_itself_passes_for_it(int expected, params string[] headers)
    {
        var (status, answer) = await Raw.GetAsync(Daprd.HttpPort, "/v1.0/metadata?dapr-api-token=S3cret-token", "GET", headers);

        Assert.Equal(expected, status);
        Assert.Equal(expected == 401, answer.EndsWith("\r\n\r\ninvalid api token\n", StringComparison.Ordinal) || answer.Contains("invalid api token\n", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Service, "GetMetadata")]
    [InlineData(Service, "InvokeService")]
    [InlineData(Service, "Shutdown")]
    [InlineData(Service, "NoSuchMethod")]
    [InlineData("dapr.proto.runtime.v1.AppCallback", "OnInvoke")]
    [InlineData("TaskHubSidecarService", "StartInstance")]
    [InlineData("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo")]
    [InlineData("grpc.health.v1.Health", "Check")]
    [InlineData("some.app.Service", "Method")]
    [InlineData("v1.0", "healthz")]
    public async Task Every_gRPC_method_of_the_port_asks_for_the_token(string service, string method)
    {
        foreach (var (headers, detail) in new (Metadata, string)[]
        {
            ([], "missing api token in request metadata"),
            (new() { { "dapr-api-token", "" } }, "authentication error: api token mismatch"),
            (new() { { "dapr-api-token", "no" } }, "authentication error: api token mismatch"),
            (new() { { "dapr-api-token", TokenGuardedSidecar.Token + "," + TokenGuardedSidecar.Token } }, "authentication error: api token mismatch"),
            (new() { { "dapr-api-token", "no" }, { "dapr-api-token", TokenGuardedSidecar.Token } }, "authentication error: api token mismatch"),
            (new() { { "authorization", "Bearer " + TokenGuardedSidecar.Token } }, "missing api token in request metadata"),
            (new() { { "dapr-api-token-bin", System.Text.Encoding.ASCII.GetBytes(TokenGuardedSidecar.Token) } }, "missing api token in request metadata"),
        })
        {
            headers.Add("dapr-app-id", Daprd.AppId);
            var error = await Raw.CallForErrorAsync(Daprd, service, method, headers);

            Assert.Equal((StatusCode.Unauthenticated, "Unauthorized"), (error?.StatusCode, error?.Status.Detail));
            var info = Raw.Info(error!);
            Assert.Equal(("Unauthorized", "dapr.io", "401", detail), (info.Reason, info.Domain, info.Metadata["http.code"], info.Metadata["http.error_message"]));
        }
    }

    [Fact]
    public async Task With_the_token_gRPC_is_served()
        => Assert.Equal(StatusCode.OK, (await Raw.CallAsync(Daprd, Service, "GetMetadata", new Metadata { { "dapr-api-token", TokenGuardedSidecar.Token } })).StatusCode);

    [Fact]
    public async Task Over_http_2_the_same_is_exempt_and_the_same_is_not()
    {
        using var client = new HttpClient();

        foreach (var (path, status) in new[] { ("/v1.0/healthz", 204), ("//v1.0/healthz", 204), ("/v1.0%2Fhealthz", 401), ("/v1.0/metadata?/healthz", 401), ("/v1.0/healthz/../metadata", 401) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Invocation.HttpPair.AsWritten(Daprd, path))
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Headers = { { "dapr-app-id", Daprd.AppId } },
            };
            using var answer = await client.SendAsync(request);
            Assert.True((int)answer.StatusCode == status, $"{path}: {(int)answer.StatusCode}");
        }
    }

    [Fact]
    public async Task A_handler_of_the_pipeline_leads_no_health_request_elsewhere()
    {
        await using var daprd = await Daprd.With(
            env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "x" },
            resources: Resource.Component("alias", "middleware.http.routeralias", ("routes", """{"/v1.0/healthz":"/v1.0/metadata","/alias":"/v1.0/healthz"}""")),
            config: Resource.Configuration("httpPipeline: {handlers: [{name: alias, type: middleware.http.routeralias}]}")).StartAsync();

        Assert.Equal(401, (await Raw.GetAsync(daprd.HttpPort, "/v1.0/healthz")).Status);
        Assert.Equal(204, (await Raw.GetAsync(daprd.HttpPort, "/v1.0/healthz/outbound")).Status);
        Assert.Equal(401, (await Raw.GetAsync(daprd.HttpPort, "/alias")).Status);
        Assert.Equal(200, (await Raw.GetAsync(daprd.HttpPort, "/v1.0/healthz", "GET", "dapr-api-token: x")).Status);
    }

    [Fact]
    public async Task The_access_list_comes_before_the_token_on_gRPC()
    {
        await using var daprd = await Daprd.With(
            env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "x" },
            config: Resource.Configuration("api: {denied: [{name: shutdown, version: v1, protocol: grpc}]}")).StartAsync();

        Assert.Equal(StatusCode.Unimplemented, (await Raw.CallAsync(daprd, Service, "Shutdown")).StatusCode);
        Assert.Equal(StatusCode.Unauthenticated, (await Raw.CallAsync(daprd, Service, "GetMetadata")).StatusCode);
    }

    [Fact]
    public async Task The_public_port_shows_health_and_metadata_and_nothing_else_and_the_metrics_port_metrics()
    {
        var port = Ports.Take();
        await using var daprd = await Daprd.With(
            env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "x" }, resources: Resource.InMemoryState(), flags: ["--dapr-public-port", $"{port}"]).StartAsync();

        Assert.Equal(204, (await Raw.GetAsync(port, "/v1.0/healthz")).Status);
        Assert.Equal(200, (await Raw.GetAsync(port, "/v1.0/metadata")).Status);
        Assert.Equal(200, (await Raw.GetAsync(daprd.MetricsPort, "/")).Status);
        foreach (var path in new[] { "/v1.0/state/statestore/k", "/v1.0/invoke/x/method/y", "/v1.0/secrets/s/k", "/v1.0/metadata/../state/statestore/k", "/v1.0/metadata%2F..%2Fstate/statestore/k" })
        {
            var (status, answer) = await Raw.GetAsync(port, path, "GET", "dapr-api-token: x", "dapr-app-id: " + daprd.AppId);
            Assert.True(status is 404 or 405, answer);
        }

        Assert.InRange((await Raw.GetAsync(port, "/v1.0/shutdown", "POST", "dapr-api-token: x")).Status, 404, 405);
        Assert.False(daprd.HasExited);
    }
}
