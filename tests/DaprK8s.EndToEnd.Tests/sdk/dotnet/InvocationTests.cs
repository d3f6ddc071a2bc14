// Apps in the field call these, whatever the SDK recommends today.
#pragma warning disable CS0618
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Dapr.Client;
using DaprK8s.EndToEnd.Tests.Echo;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Calls from app to app through <see cref="DaprClient"/>, its HTTP clients and its gRPC invokers.</summary>
public class InvocationTests
{
    public sealed record Order(string Sku, int Quantity);

    [Fact]
    public async Task InvokeMethodAsync_sends_and_gets_objects()
    {
        await using var app = await HttpApp.StartAsync(a => a
            .On("POST /orders", r => Reply.Json($$"""{"sku":"{{r.Json.GetProperty("sku").GetString()}}","quantity":8}"""))
            .On("GET /orders/7", Reply.Json("""{"sku":"mug","quantity":1}""")));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        Assert.Equal(new Order("tea", 8), await dapr.InvokeMethodAsync<Order, Order>(pair.CalleeId, "orders", new Order("tea", 2)));
        Assert.Equal(new Order("mug", 1), await dapr.InvokeMethodAsync<Order>(HttpMethod.Get, pair.CalleeId, "orders/7"));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task An_invoking_http_client_passes_verb_path_query_and_headers_on(string verb)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(202, "done").With("x-answer", "yes")));
        await using var pair = await PairAsync(app);
        using var http = DaprClient.CreateInvokeHttpClient(pair.CalleeId, pair.Caller.HttpEndpoint.ToString());

        using var request = new HttpRequestMessage(new HttpMethod(verb), "/a%20b/c?x=1&y=a%26b&y=z");
        request.Headers.Add("x-question", ["one", "two"]);
        if (verb is not "GET")
        {
            request.Content = new StringContent("body", Encoding.UTF8, "text/plain");
        }

        using var response = await http.SendAsync(request);

        Assert.Equal((HttpStatusCode.Accepted, "done"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal("yes", Assert.Single(response.Headers.GetValues("x-answer")));
        var got = Assert.Single(app.Requests.All, r => r.Method == verb && r.Header("x-question") is not null);
        Assert.Equal("/a%20b/c?x=1&y=a%26b&y=z", got.Target);
        Assert.Equal("one,two", got.Header("x-question")!.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(verb is "GET" ? "" : "body", got.Text);
    }

    [Theory]
    [InlineData(204)]
    [InlineData(302)]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(409)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_status_of_the_app_reaches_the_caller(int status)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /orders", Reply.Of(status, status == 204 ? "" : "because", "text/plain")));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        using var request = dapr.CreateInvokeMethodRequest(HttpMethod.Post, pair.CalleeId, "orders");
        using var response = await dapr.InvokeMethodWithResponseAsync(request);

        Assert.Equal((status, status == 204 ? "" : "because"), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Single(app.To("/orders"));
    }

    [Fact]
    public async Task A_failure_of_the_app_is_an_invocation_exception_with_its_answer()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("POST /orders", Reply.Json("""{"reason":"sold out"}""", 409)));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        var error = await Assert.ThrowsAsync<InvocationException>(() => dapr.InvokeMethodAsync(pair.CalleeId, "orders", new Order("tea", 2)));

        Assert.Equal((pair.CalleeId, "orders", HttpStatusCode.Conflict), (error.AppId, error.MethodName, error.Response.StatusCode));
        Assert.Equal("""{"reason":"sold out"}""", await error.Response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task An_app_that_nobody_knows_is_told_by_name()
    {
        await using var caller = await Daprd.With().StartAsync();
        using var dapr = caller.CreateSdkClient();

        using var request = dapr.CreateInvokeMethodRequest(HttpMethod.Get, "nobody-there", "orders");
        using var response = await dapr.InvokeMethodWithResponseAsync(request);

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var error = await response.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>();
        Assert.Equal("ERR_DIRECT_INVOKE", error.GetProperty("errorCode").GetString());
        Assert.Contains("nobody-there", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_app_calls_itself_through_its_own_sidecar()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("GET /self", Reply.Json("7")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();

        Assert.Equal(7, await dapr.InvokeMethodAsync<int>(HttpMethod.Get, daprd.AppId, "self"));
    }

    [Fact]
    public async Task InvokeMethodGrpcAsync_calls_OnInvoke_of_a_grpc_app()
    {
        await using var app = await GrpcApp.StartAsync(a => a.OnInvoke = (request, _) => Task.FromResult(new InvokeResponse
        {
            Data = Any.Pack(new EchoReply { Text = request.Method + ": " + request.Data.Unpack<EchoRequest>().Text }),
        }));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        var reply = await dapr.InvokeMethodGrpcAsync<EchoRequest, EchoReply>(pair.CalleeId, "Greet", new EchoRequest { Text = "hello" });

        Assert.Equal("Greet: hello", reply.Text);
    }

    [Fact]
    public async Task A_grpc_status_of_OnInvoke_reaches_the_caller()
    {
        await using var app = await GrpcApp.StartAsync(a => a.OnInvoke = (_, _) => throw new RpcException(new Status(StatusCode.FailedPrecondition, "sold out")));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        var error = await Assert.ThrowsAsync<InvocationException>(() => dapr.InvokeMethodGrpcAsync(pair.CalleeId, "Greet", new EchoRequest()));

        var status = Assert.IsType<RpcException>(error.InnerException).Status;
        Assert.Equal((StatusCode.FailedPrecondition, "sold out"), (status.StatusCode, status.Detail));
    }

    [Fact]
    public async Task An_http_client_calls_OnInvoke_of_a_grpc_app()
    {
        await using var app = await GrpcApp.StartAsync(a => a.OnInvoke = (request, _) => Task.FromResult(new InvokeResponse
        {
            ContentType = "application/json",
            Data = new Any { Value = request.Data.Value },
        }));
        await using var pair = await PairAsync(app);
        using var dapr = pair.Caller.CreateSdkClient();

        var reply = await dapr.InvokeMethodAsync<Order, Order>(pair.CalleeId, "orders/new", new Order("tea", 2));

        Assert.Equal(new Order("tea", 2), reply);
        var got = Assert.Single(app.Got<InvokeRequest>());
        Assert.Equal(("orders/new", HTTPExtension.Types.Verb.Post), (got.Method, got.HttpExtension.Verb));
    }

    [Fact]
    public async Task An_invoker_passes_all_kinds_of_grpc_calls_through()
    {
        var deadline = DateTime.UtcNow + Eventually.Deadline;
        await using var app = await GrpcApp.StartAsync(name: "callee");
        await using var pair = await PairAsync(app);
        var echo = new Echo.Echo.EchoClient(DaprClient.CreateInvocationInvoker(pair.CalleeId, pair.Caller.GrpcEndpoint.ToString()));

        Assert.Equal("one", (await echo.UnaryAsync(new EchoRequest { Text = "one" }, deadline: deadline)).Text);

        using var many = echo.ServerStream(new EchoRequest { Text = "many", Count = 100 }, deadline: deadline);
        Assert.Equal(100, await many.ResponseStream.ReadAllAsync().CountAsync());

        using var joined = echo.ClientStream(deadline: deadline);
        foreach (var text in new[] { "a", "b", "c" })
        {
            await joined.RequestStream.WriteAsync(new EchoRequest { Text = text });
        }

        await joined.RequestStream.CompleteAsync();
        Assert.Equal("a,b,c", (await joined).Text);

        using var talk = echo.Bidirectional(deadline: deadline);
        for (var i = 0; i < 20; i++)
        {
            // Each answer comes before the next question, so nothing on the way holds messages back.
            await talk.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
            Assert.True(await talk.ResponseStream.MoveNext());
            Assert.Equal($"{i}", talk.ResponseStream.Current.Text);
        }

        await talk.RequestStream.CompleteAsync();
        Assert.False(await talk.ResponseStream.MoveNext());
    }

    private static async Task<Pair> PairAsync(ITestApp app)
        => new(await Daprd.With().StartAsync(), await Daprd.With(app: app).StartAsync(Until.Ready));

    private sealed record Pair(Daprd Caller, Daprd Callee) : IAsyncDisposable
    {
        public string CalleeId => Callee.AppId;

        public async ValueTask DisposeAsync()
        {
            await Caller.DisposeAsync();
            await Callee.DisposeAsync();
        }
    }
}
