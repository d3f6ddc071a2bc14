using System.Net;
using System.Net.Http.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary><c>appHttpPipeline</c>: what every call towards an HTTP app, an HTTPEndpoint or an external URL passes.</summary>
public sealed class AppPipelineTests
{
    private static readonly string Upper = Pipelines.OfApp(("upper", "uppercase"));

    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task Calls_to_the_app_are_changed_wherever_they_come_from_and_what_is_only_passed_on_is_not(string protocol)
    {
        await using var app = await HttpApp.StartAsync(
            a => a.On("*", r => Reply.Of(201, r.Text, "text/x").With("X-Method", r.Method).With("X-Query", r.Query).With("X-Type", r.Header("Content-Type") ?? "").With("X-Two", "a").With("X-Two", "b")), protocol);
        await using var callee = await Daprd.With(app: app, config: Upper, resources: Pipelines.Component("upper", "uppercase")).StartAsync(Until.Ready);
        await using var caller = await Daprd.With(config: Upper, resources: Pipelines.Component("upper", "uppercase", ("direction", "both"))).StartAsync();

        foreach (var daprd in new[] { callee, caller })
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, HttpPair.AsWritten(daprd, $"/v1.0/invoke/{callee.AppId}/method/a%20b/c?q=%2F&r"))
            {
                Content = new StringContent("hello"),
            };
            using var response = await daprd.Http.SendAsync(request);

            Assert.Equal("HELLO", await response.Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
            Assert.Equal("text/x", response.Content.Headers.ContentType?.MediaType);
            Assert.Equal(["PUT", "q=%2F&r", "text/plain; charset=utf-8"], new[] { "X-Method", "X-Query", "X-Type" }.Select(h => response.Headers.GetValues(h).Single()));
            Assert.Equal(["a", "b"], response.Headers.GetValues("X-Two"));
        }

        Assert.Equal(["/a%20b/c", "/a%20b/c"], app.Requests.All.Where(r => r.Method == "PUT").Select(r => r.Path));
        using var empty = await caller.Http.GetAsync($"/v1.0/invoke/{callee.AppId}/method/empty");
        Assert.Equal("", await empty.Content.ReadAsStringAsync());
        Assert.Null(Assert.Single(app.To("/empty")).Header("Transfer-Encoding"));
    }

    [Fact]
    public async Task Events_are_delivered_through_it()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /events", Reply.Ok));
        await using var daprd = await Daprd.With(
            app: app, config: Upper,
            resources: Resource.All(Pipelines.Component("upper", "uppercase"), Resource.InMemoryPubSub(), Resource.Subscription("pubsub", "topic", "/events"))).StartAsync(Until.Ready);

        using var published = await daprd.Http.PostAsync("/v1.0/publish/pubsub/topic", new StringContent("\"hello\"", null, "application/json"));

        Assert.Equal(HttpStatusCode.NoContent, published.StatusCode);
        Assert.Contains("\"DATA\":\"HELLO\"", (await app.WaitForAsync("/events"))[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_to_URLs_and_HTTPEndpoints_pass_it_too_and_what_it_refuses_never_arrives()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Target + " " + r.Header("Host"))));
        await using var daprd = await Daprd.With(
            config: Pipelines.OfApp(("check", "routerchecker"), ("alias", "routeralias")),
            resources: Resource.All(
                Pipelines.Component("check", "routerchecker", ("rule", "^/(base/)?(good|alias/.*)$")),
                Pipelines.Component("alias", "routeralias", ("routes", "{\"/alias/{x}\": \"/there/is%2Fone\", \"/base/alias/{x}\": \"/there\"}")),
                $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: named\nspec:\n  baseUrl: http://127.0.0.1:{service.Port}/base\n")).StartAsync(Until.Ready);
        var host = $"127.0.0.1:{service.Port}";

        foreach (var (target, path, answer) in new[]
        {
            ($"http://{host}", "good", "/good"), ("named", "good", "/base/good"),
            ($"http://{host}", "alias/a%20b", "/there/is%2Fone?x=a%20b"), ("named", "alias/1", "/there?x=1"),
        })
        {
            using var response = await daprd.Http.GetAsync(HttpPair.AsWritten(daprd, $"/v1.0/invoke/{target}/method/{path}"));
            Assert.Equal($"{answer} {host}", await response.Content.ReadAsStringAsync());
        }

        foreach (var target in new[] { $"http://{host}", "named" })
        {
            using var response = await daprd.Http.GetAsync($"/v1.0/invoke/{target}/method/bad");
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("invalid router", await response.Content.ReadAsStringAsync());
        }

        Assert.DoesNotContain(service.Requests.All, r => r.Path.Contains("bad", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bodies_stream_through()
    {
        var (first, goOn) = (new TaskCompletionSource<string>(), new TaskCompletionSource());
        await using var app = await HttpApp.StartAsync(a => a.OnStream("POST /pieces", context => Pieces.AnswerAsync(context, first, goOn)));
        await using var callee = await Daprd.With(
            app: app, config: Upper, resources: Pipelines.Component("upper", "uppercase", ("direction", "both"))).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        await Pieces.AssertAsync(caller, $"/v1.0/invoke/{callee.AppId}/method/pieces", first, goOn);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_the_apps_request()
    {
        var left = new TaskCompletionSource<string>();
        await using var app = await HttpApp.StartAsync(a => a.OnStream("GET /leaving", async context =>
        {
            context.RequestAborted.Register(() => left.TrySetResult("left"));
            await context.Response.StartAsync();
            await context.Response.Body.FlushAsync();
            await left.Task;
        }));
        await using var daprd = await Daprd.With(app: app, config: Upper, resources: Pipelines.Component("upper", "uppercase")).StartAsync(Until.Ready);

        (await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/leaving", HttpCompletionOption.ResponseHeadersRead)).Dispose();

        await Eventually.SoonAsync(left.Task, "the end of the app's request");
    }

    [Fact]
    public async Task An_app_that_is_gone_or_breaks_off_is_told_as_without_a_pipeline()
    {
        await using var app = await HttpApp.StartAsync(a => a.OnStream("GET /broken", async context =>
        {
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            context.Abort();
        }));
        await using var daprd = await Daprd.With(app: app, config: Upper, resources: Pipelines.Component("upper", "uppercase")).StartAsync(Until.Ready);

        await Assert.ThrowsAnyAsync<Exception>(() => daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/broken"));
        await app.StopAsync();
        using var gone = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/x");

        Assert.Equal(HttpStatusCode.InternalServerError, gone.StatusCode);
        var error = await gone.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>();
        Assert.Equal("ERR_DIRECT_INVOKE", error.GetProperty("errorCode").GetString());
        Assert.Contains("error invoking app channel: ", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_middleware_that_failed_and_is_tolerated_lets_nothing_through()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApp(("check", "routerchecker")),
            resources: Pipelines.Component("check", "routerchecker", ("rule", "(")).Replace("spec:", "spec:\n  ignoreErrors: true", StringComparison.Ordinal)).StartAsync();

        using var response = await daprd.Http.GetAsync($"/v1.0/invoke/{daprd.AppId}/method/x");

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains("HTTP middleware check (middleware.http.routerchecker): component check is not ready since ", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(app.To("/x"));
    }
}
