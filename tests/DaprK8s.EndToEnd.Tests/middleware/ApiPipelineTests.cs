using System.Net;
using System.Net.Http.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary><c>httpPipeline</c>: what every request to the HTTP API passes.</summary>
public sealed class ApiPipelineTests
{
    [Fact]
    public async Task Handlers_run_in_their_order_and_the_path_they_leave_is_the_one_that_is_routed()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Target + " " + r.Text)));
        await using var daprd = await Daprd.With(
            appId: "callee", app: app, config: Pipelines.OfApi(("first", "routeralias"), ("second", "routeralias"), ("upper", "uppercase")),
            resources: Resource.All(
                // In the other order the second alias would find nothing.
                Pipelines.Component("second", "routeralias", ("routes", """{"/v2/orders/{id}": "/v1.0/invoke/callee/method/orders", "/state": "/v1.0/state/statestore"}""")),
                Pipelines.Component("first", "routeralias", ("routes", "/orders/{id}: /v2/orders/7")),
                Pipelines.Component("upper", "uppercase"),
                Resource.InMemoryState())).StartAsync(Until.Ready);

        using var response = await daprd.Http.PostAsync("/orders/5?z=1", new StringContent("body"));
        using var saved = await daprd.Http.PostAsync("/state", new StringContent("[]"));

        Assert.Equal("/orders?id=5&id=7&z=1 BODY", await response.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NoContent, saved.StatusCode);
        var metrics = await daprd.MetricsAsync();
        Assert.Contains("path=\"/v1.0/state/statestore\"", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain("path=\"/state\"", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_requests_that_enter_here_are_changed_and_not_those_of_other_sidecars()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Text)));
        await using var callee = await Daprd.With(
            app: app, config: Pipelines.OfApi(("upper", "uppercase")), resources: Pipelines.Component("upper", "uppercase")).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        Assert.Equal("HELLO", await PostAsync(callee, callee));
        Assert.Equal("hello", await PostAsync(caller, callee));
    }

    [Fact]
    public async Task Health_passes_it_while_gRPC_the_public_port_and_refused_tokens_do_not()
    {
        var publicPort = Ports.Take();
        await using var daprd = await Daprd.With(
            flags: [$"--dapr-public-port={publicPort}"], config: Pipelines.OfApi(("check", "routerchecker")), resources: Resource.All(Pipelines.Component("check", "routerchecker", ("rule", "^/v1.0/(healthz/outbound|metadata)$")), Resource.InMemoryState()),
            env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "token" }).StartAsync();
        using var open = new HttpClient();
        var headers = new Grpc.Core.Metadata { { "dapr-api-token", "token" } };

        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        using var publicHealth = await open.GetAsync($"http://127.0.0.1:{publicPort}/v1.0/healthz");
        using var state = await SendAsync("token", "/v1.0/state/statestore/k");
        using var metadata = await SendAsync("token", "/v1.0/metadata");
        using var stranger = await SendAsync("wrong", "/v1.0/state/statestore/k");

        Assert.Equal(HttpStatusCode.BadRequest, health.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, publicHealth.StatusCode);
        Assert.Equal("invalid router", await state.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.OK, metadata.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.True((await daprd.Grpc.GetStateAsync(new GetStateRequest { StoreName = "statestore", Key = "k" }, headers)).Data.IsEmpty);

        Task<HttpResponseMessage> SendAsync(string token, string path)
            => daprd.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "dapr-api-token", token } } });
    }

    [Fact]
    public async Task A_handler_without_a_component_is_skipped_with_a_warning()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Text)));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApi(("missing", "uppercase"), ("other", "uppercase")), resources: Pipelines.Component("other", "routerchecker", ("rule", "^never$")))
            .StartAsync(Until.Ready);

        Assert.Equal("hello", await PostAsync(daprd, daprd));
        Assert.True(daprd.Log.Contains("there is no component missing of type middleware.http.uppercase/v1"));
        Assert.True(daprd.Log.Contains("there is no component other of type middleware.http.uppercase/v1"));
    }

    [Theory]
    [InlineData("routerchecker", "error creating HTTP middleware middleware.http.routerchecker/v1: ")]
    [InlineData("nosuch", "HTTP middleware middleware.http.nosuch/v1 has not been registered")]
    public async Task A_middleware_that_can_not_be_made_ends_the_start(string type, string text)
    {
        var (code, log) = await Daprd.With(resources: Pipelines.Component("wrong", type, ("rule", "("))).RunAsync();

        Assert.Equal(1, code);
        Assert.Contains(log.With(text), l => l.Contains("[INIT_COMPONENT_FAILURE]: initialization error occurred for wrong (middleware.http.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_middleware_that_failed_and_is_tolerated_lets_nothing_through()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApi(("check", "routerchecker")),
            resources: Pipelines.Component("check", "routerchecker", ("rule", "(")).Replace("spec:", "spec:\n  ignoreErrors: true", StringComparison.Ordinal))
            .StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("Ignoring error processing component");

        using var response = await Eventually.GetAsync(
            async () => await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/x"), "an answer of the API");

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var error = await response.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>();
        var message = error.GetProperty("message").GetString()!;
        Assert.StartsWith("HTTP middleware check (middleware.http.routerchecker): component check is not ready since ", message, StringComparison.Ordinal);
        Assert.Contains("error creating HTTP middleware middleware.http.routerchecker/v1: ", message, StringComparison.Ordinal);
        Assert.Empty(app.To("/x"));
    }

    [Fact]
    public async Task Bodies_stream_through()
    {
        var (first, goOn) = (new TaskCompletionSource<string>(), new TaskCompletionSource());
        await using var app = await HttpApp.StartAsync(a => a.OnStream("POST /pieces", context => Pieces.AnswerAsync(context, first, goOn)));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApi(("upper", "uppercase")), resources: Pipelines.Component("upper", "uppercase", ("direction", "both"))).StartAsync(Until.Ready);

        await Pieces.AssertAsync(daprd, $"/v1.0/invoke/{daprd.AppId}/method/pieces", first, goOn);
    }

    private static async Task<string> PostAsync(Daprd from, Daprd to)
    {
        using var response = await from.Http.PostAsync($"/v1.0/invoke/{to.AppId}/method/echo", new StringContent("hello"));
        return await response.Content.ReadAsStringAsync();
    }
}
