using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Sdk.JavaScript;

/// <summary>The client of the JavaScript SDK over HTTP and gRPC; its assertions are in the scripts.</summary>
public class ClientTests(Servers servers)
{
    public static readonly TheoryData<string, Backend> ProtocolsAndBackends = new(
        from protocol in new[] { "http", "grpc" } from backend in Enum.GetValues<Backend>() select (protocol, backend));

    [Theory, MemberData(nameof(ProtocolsAndBackends))]
    public async Task State_is_saved_read_changed_and_deleted(string protocol, Backend backend)
    {
        await using var daprd = await Daprd.With(resources: await backend.ResourcesAsync(servers)).StartAsync(Until.Ready);

        await Node.RunAsync("client/state.mjs", protocol, daprd, ("KEY", $"{Guid.NewGuid():N}"));
    }

    [Theory, MemberData(nameof(ProtocolsAndBackends))]
    public async Task Published_messages_of_each_kind_reach_an_app(string protocol, Backend backend)
    {
        var topic = $"topic-{Guid.NewGuid():N}";
        await using var app = await HttpApp.StartAsync(a => a.On("POST /handle", Reply.Message("SUCCESS")));
        var subscription = Resource.Subscription("pubsub", topic, "/handle");
        await using var daprd = await Daprd
            .With(app: app, resources: Resource.All(await backend.ResourcesAsync(servers), subscription))
            .StartAsync(Until.Ready);

        await Node.RunAsync("client/publish.mjs", protocol, daprd, ("TOPIC", topic));

        var events = (await app.WaitForAsync("/handle", 5)).Select(r => r.Json).ToList();
        Assert.Equal(
            [
                ("application/json", """{"sku":"tea","quantity":2}"""),
                ("text/plain", "\"plain text\""),
                ("application/json", """{"n":1}"""),
                ("application/json", """{"sku":"mug"}"""),
                ("application/octet-stream", "\"AP+A\""),
            ],
            events.OrderBy(Order).Select(e => (e.GetProperty("datacontenttype").GetString()!, DataOf(e))));
        Assert.Equal("order.placed", events.Single(e => DataOf(e) == """{"n":1}""").GetProperty("type").GetString());
        var own = events.Single(e => e.GetProperty("id").GetString() == "own-7");
        Assert.Equal(("shop", "order.cancelled", topic), (Text(own, "source"), Text(own, "type"), Text(own, "topic")));

        static int Order(JsonElement e) => DataOf(e) switch { "\"AP+A\"" => 5, """{"sku":"mug"}""" => 4, """{"n":1}""" => 3, "\"plain text\"" => 2, _ => 1 };
        static string Text(JsonElement e, string name) => e.GetProperty(name).GetString()!;
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task An_http_app_is_called_and_its_failures_are_told(string protocol)
    {
        await using var app = await HttpApp.StartAsync(a => a
            .On("/orders", r => Reply.Json($$"""{"got":{{r.Text}},"verb":"{{r.Method}}"}"""))
            .On("GET /orders/7", r => Reply.Json(
                r.Query.Length == 0 ? """{"id":7}""" : $$"""{"id":7,"query":"{{r.Query}}","question":"{{r.Header("x-question")}}"}"""))
            .On("POST /sold-out", Reply.Json("""{"reason":"sold out"}""", 409)));
        await using var callee = await Daprd.With(app: app).StartAsync(Until.Ready);
        await using var caller = await Daprd.With().StartAsync();

        await Node.RunAsync("client/invocation.mjs", protocol, caller, ("CALLEE", callee.AppId));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task Secrets_metadata_and_health_are_read_and_the_sidecar_is_shut_down(string protocol)
    {
        await using var daprd = await Daprd
            .With(resources: Resource.Component("secrets", "secretstores.local.env"), env: new Dictionary<string, string> { ["SHOP_KEY"] = "k" })
            .StartAsync(Until.Ready);

        await Node.RunAsync("client/sidecar.mjs", protocol, daprd);

        Assert.Equal(0, await daprd.WaitForExitAsync());
    }

    private static string DataOf(JsonElement cloudEvent)
        => (cloudEvent.TryGetProperty("data", out var data) ? data : cloudEvent.GetProperty("data_base64")).GetRawText();
}
