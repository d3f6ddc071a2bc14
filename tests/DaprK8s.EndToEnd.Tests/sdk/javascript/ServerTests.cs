using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace DaprK8s.EndToEnd.Tests.Sdk.JavaScript;

/// <summary>An app with the server of the JavaScript SDK, as an HTTP and as a gRPC app.</summary>
public class ServerTests(Servers servers)
{
    private readonly string topic = $"topic-{Guid.NewGuid():N}";

    public static readonly TheoryData<string, Backend> ProtocolsAndBackends = ClientTests.ProtocolsAndBackends;

    [Theory, MemberData(nameof(ProtocolsAndBackends))]
    public async Task Objects_text_and_raw_bytes_reach_its_subscriptions(string protocol, Backend backend)
    {
        await using var app = new NodeApp(protocol);
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync("pubsub", topic, new { sku = "tea", quantity = 2 });
        await dapr.PublishByteEventAsync("pubsub", topic, Encoding.UTF8.GetBytes("grüße"), "text/plain");
        await dapr.PublishByteEventAsync(
            "pubsub", topic + "-raw", Encoding.UTF8.GetBytes("as it is"), "text/plain", new Dictionary<string, string> { ["rawPayload"] = "true" });

        Assert.Equal("""{"sku":"tea","quantity":2}""", (await app.NextAsync("plain", d => d.ValueKind == JsonValueKind.Object)).GetRawText());
        Assert.Equal("grüße", (await app.NextAsync("plain", d => d.ValueKind == JsonValueKind.String)).GetString());
        Assert.Equal("as it is", (await app.NextAsync("raw")).GetString());
    }

    [Theory, MemberData(nameof(ProtocolsAndBackends))]
    public async Task Messages_that_it_drops_or_wants_again_go_to_the_dead_letter_topic(string protocol, Backend backend)
    {
        await using var app = new NodeApp(protocol);
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        foreach (var status in new[] { "SUCCESS", "DROP", "RETRY" })
        {
            await dapr.PublishEventAsync("pubsub", topic + "-status", new { id = status, status });
        }

        await app.NextAsync("dead", d => d.GetProperty("id").GetString() == "DROP");
        await app.NextAsync("dead", d => d.GetProperty("id").GetString() == "RETRY");
        Assert.Equal(3, app.Count("status"));
        Assert.Equal(2, app.Count("dead"));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task A_message_that_it_wants_again_is_delivered_again(string protocol)
    {
        await using var app = new NodeApp(protocol);
        await using var daprd = await StartAsync(app, Backend.PostgresAndRabbitMq, ("DEAD_LETTER", "no"));
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync("pubsub", topic + "-status", new { id = 1, status = "RETRY" });

        await Eventually.TrueAsync(() => app.Count("status") == 2, "the second delivery");
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task Its_listeners_are_called_over_http_and_grpc(string protocol)
    {
        await using var app = new NodeApp(protocol);
        await using var daprd = await StartAsync(app, Backend.InMemory);
        await using var caller = await Daprd.With().StartAsync();

        using var posted = await caller.Http.PostAsJsonAsync($"/v1.0/invoke/{daprd.AppId}/method/echo", new { n = 1 });
        Assert.Equal("""{"echo":{"n":1}}""", await posted.Content.ReadAsStringAsync());
        Assert.Equal("""{"hello":"world"}""", await caller.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/hello"));

        var answer = await caller.Grpc.InvokeServiceAsync(new InvokeServiceRequest
        {
            Id = daprd.AppId,
            Message = new InvokeRequest
            {
                Method = "echo",
                ContentType = "application/json",
                Data = new Any { Value = ByteString.CopyFromUtf8("""{"n":2}""") },
                HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Post },
            },
        });
        Assert.Equal("""{"echo":{"n":2}}""", answer.Data.Value.ToStringUtf8());
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task It_publishes_through_its_own_sidecar_while_it_handles_a_call(string protocol)
    {
        await using var app = new NodeApp(protocol);
        await using var daprd = await StartAsync(app, Backend.InMemory);

        using var response = await daprd.Http.PostAsJsonAsync($"/v1.0/invoke/{daprd.AppId}/method/announce", new { sku = "mug" });

        Assert.Equal("""{"announced":true}""", await response.Content.ReadAsStringAsync());
        Assert.Equal("""{"sku":"mug"}""", (await app.NextAsync("plain")).GetRawText());
    }

    private async Task<Daprd> StartAsync(NodeApp app, Backend backend, params (string, string)[] environment)
    {
        var daprd = await Daprd.With(app: app, resources: await backend.ResourcesAsync(servers)).StartAsync();
        await app.StartAsync(daprd, [("TOPIC", topic), .. environment]);
        return daprd;
    }
}
