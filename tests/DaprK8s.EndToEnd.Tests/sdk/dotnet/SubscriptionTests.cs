using System.Text;
using Dapr;
using Dapr.Client;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Messages published with <see cref="DaprClient"/> and handled in an app with <c>Dapr.AspNetCore</c>.</summary>
public class SubscriptionTests(Servers servers)
{
    private const string PubSub = "pubsub";

    /// <summary>Tests share brokers, so each has topics of its own.</summary>
    private readonly string topic = $"topic-{Guid.NewGuid():N}";

    public sealed record Order(string Sku, int Quantity);

    [Theory, OnEveryBackend]
    public async Task An_object_reaches_a_handler_of_its_type(Backend backend)
    {
        var got = new Recording<Order>();
        await using var app = await StartAppAsync(web => web.MapPost("/orders", (Order order) => got.Add(order)).WithTopic(PubSub, topic));
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync(PubSub, topic, new Order("tea", 2));

        Assert.Equal(new Order("tea", 2), Assert.Single(await got.WaitForAsync(1)));
    }

    [Theory, OnEveryBackend]
    public async Task Each_of_many_messages_is_handled_once(Backend backend)
    {
        const int Count = 300;
        var got = new Recording<int>();
        await using var app = await StartAppAsync(web => web.MapPost("/numbers", ([FromBody] int number) => got.Add(number)).WithTopic(PubSub, topic));
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        await Parallel.ForEachAsync(Enumerable.Range(0, Count), async (i, _) => await dapr.PublishEventAsync(PubSub, topic, i));

        await got.WaitForAsync(Count);
        Assert.Equal(Enumerable.Range(0, Count), got.All.Order());
    }

    [Theory]
    [InlineData(Backend.Redis)]
    [InlineData(Backend.PostgresAndRabbitMq)]
    public async Task A_message_reaches_every_subscribed_app_and_one_of_its_instances(Backend backend)
    {
        const int Count = 50;
        Task<AspNetApp> AppAsync(Recording<int> got) => StartAppAsync(web => web.MapPost("/n", ([FromBody] int n) => got.Add(n)).WithTopic(PubSub, topic));
        var (first, second, other) = (new Recording<int>(), new Recording<int>(), new Recording<int>());
        await using var firstApp = await AppAsync(first);
        await using var secondApp = await AppAsync(second);
        await using var otherApp = await AppAsync(other);
        await using var publisher = await Daprd.With(resources: await backend.ResourcesAsync(servers)).StartAsync();
        await using var firstTwin = await StartAsync(firstApp, backend, "twin");
        await using var secondTwin = await StartAsync(secondApp, backend, "twin");
        await using var otherSidecar = await StartAsync(otherApp, backend);
        using var dapr = publisher.CreateSdkClient();

        foreach (var i in Enumerable.Range(0, Count))
        {
            await dapr.PublishEventAsync(PubSub, topic, i);
        }

        Assert.Equal(Enumerable.Range(0, Count), (await other.WaitForAsync(Count)).Order());
        await Eventually.TrueAsync(() => first.Count + second.Count >= Count, "all messages at one of the twins");
        Assert.Equal(Enumerable.Range(0, Count), first.All.Concat(second.All).Order());
    }

    [Fact]
    public async Task Text_and_bytes_reach_handlers_as_they_were_published()
    {
        var got = new Recording<(string? Type, byte[] Body)>();
        await using var app = await StartAppAsync(web => web.MapPost("/any", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            got.Add((context.Request.ContentType, body.ToArray()));
        }).WithTopic(PubSub, topic));
        await using var daprd = await StartAsync(app);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishByteEventAsync(PubSub, topic, Encoding.UTF8.GetBytes("grüße"), "text/plain");
        await dapr.PublishByteEventAsync(PubSub, topic, new byte[] { 0, 255, 128 }, "application/octet-stream");
        await dapr.PublishByteEventAsync(PubSub, topic, Encoding.UTF8.GetBytes("""{"n":12345678901234567890.5}"""), "application/json");

        var messages = await got.WaitForAsync(3);
        Assert.Equal("grüße", Encoding.UTF8.GetString(messages.Single(m => m.Type!.StartsWith("text/plain", StringComparison.Ordinal)).Body));
        Assert.Equal([0, 255, 128], messages.Single(m => m.Type == "application/octet-stream").Body);
        Assert.Equal(
            """{"n":12345678901234567890.5}""",
            Encoding.UTF8.GetString(messages.Single(m => m.Type!.StartsWith("application/json", StringComparison.Ordinal)).Body));
    }

    [Fact]
    public async Task Attributes_of_the_cloud_event_come_from_the_publisher()
    {
        var got = new Recording<Dictionary<string, string>>();
        await using var app = await AspNetApp.StartAsync(
            web =>
            {
                web.UseCloudEvents(new CloudEventsMiddlewareOptions { ForwardCloudEventPropertiesAsHeaders = true });
                web.MapSubscribeHandler();
                web.MapPost("/orders", (HttpContext context) => got.Add(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase))).WithTopic(PubSub, topic);
            });
        await using var daprd = await StartAsync(app);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync(PubSub, topic, new Order("tea", 2), new Dictionary<string, string>
        {
            ["cloudevent.id"] = "order-7",
            ["cloudevent.type"] = "order.placed",
            ["cloudevent.source"] = "shop",
        });

        var headers = Assert.Single(await got.WaitForAsync(1));
        Assert.Equal("order-7", headers["Cloudevent.Id"]);
        Assert.Equal("order.placed", headers["Cloudevent.Type"]);
        Assert.Equal("shop", headers["Cloudevent.Source"]);
        Assert.Equal(topic, headers["Cloudevent.Topic"]);
    }

    [Theory, OnEveryBackend]
    public async Task A_raw_message_is_published_and_read_without_an_envelope(Backend backend)
    {
        var got = new Recording<byte[]>();
        await using var app = await StartAppAsync(web => web.MapPost("/raw", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            got.Add(body.ToArray());
        }).WithTopic(PubSub, topic, enableRawPayload: true));
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishByteEventAsync(
            PubSub, topic, new byte[] { 1, 0, 254 }, "application/octet-stream", new Dictionary<string, string> { ["rawPayload"] = "true" });

        Assert.Equal([1, 0, 254], Assert.Single(await got.WaitForAsync(1)));
    }

    [Theory, OnEveryBackend]
    public async Task A_message_that_the_handler_fails_on_goes_to_the_dead_letter_topic(Backend backend)
    {
        var dead = new Recording<Order>();
        await using var app = await StartAppAsync(web =>
        {
            web.MapPost("/orders", (Order _) => Results.StatusCode(500))
                .WithTopic(new TopicOptions { PubsubName = PubSub, Name = topic, DeadLetterTopic = topic + "-dead" });
            web.MapPost("/dead", (Order order) => dead.Add(order)).WithTopic(PubSub, topic + "-dead");
        });
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync(PubSub, topic, new Order("tea", 2));

        Assert.Equal(new Order("tea", 2), Assert.Single(await dead.WaitForAsync(1)));
    }

    [Theory]
    [InlineData("DROP", true)]
    [InlineData("RETRY", true)]
    [InlineData("SUCCESS", false)]
    public async Task The_status_that_a_handler_answers_decides_about_the_message(string status, bool isDead)
    {
        var (handled, dead) = (new Recording<int>(), new Recording<int>());
        await using var app = await StartAppAsync(web =>
        {
            web.MapPost("/orders", ([FromBody] int n) =>
            {
                handled.Add(n);
                return Results.Json(new { status = n == 1 ? status : "DROP" });
            }).WithTopic(new TopicOptions { PubsubName = PubSub, Name = topic, DeadLetterTopic = topic + "-dead" });
            web.MapPost("/dead", ([FromBody] int n) => dead.Add(n)).WithTopic(PubSub, topic + "-dead");
        });
        await using var daprd = await StartAsync(app);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync(PubSub, topic, 1);
        await dapr.PublishEventAsync(PubSub, topic, 2);

        // The second is always dead, and it comes after the first.
        await dead.WaitForAsync(1, n => n == 2);
        Assert.Equal(isDead ? [1, 2] : [2], dead.All);
        Assert.Equal([1, 2], handled.All);
    }

    [Fact]
    public async Task A_message_is_redelivered_when_the_handler_fails_and_the_broker_takes_it_back()
    {
        var got = new Recording<Order>();
        await using var app = await StartAppAsync(web => web.MapPost("/orders", (Order order) =>
        {
            got.Add(order);
            return got.Count < 3 ? Results.StatusCode(503) : Results.Ok();
        }).WithTopic(PubSub, topic));
        await using var daprd = await StartAsync(app, Backend.PostgresAndRabbitMq);
        using var dapr = daprd.CreateSdkClient();

        await dapr.PublishEventAsync(PubSub, topic, new Order("tea", 2));

        Assert.All(await got.WaitForAsync(3), o => Assert.Equal(new Order("tea", 2), o));
    }

    [Theory, OnEveryBackend]
    public async Task A_controller_subscribes_with_the_topic_attribute(Backend backend)
    {
        var got = new Recording<Order>();
        await using var app = await AspNetApp.StartAsync(
            web =>
            {
                web.UseCloudEvents();
                web.MapControllers();
                web.MapSubscribeHandler();
            },
            services =>
            {
                services.AddSingleton(got);
                services.AddControllers().AddDapr();
            });
        await using var daprd = await StartAsync(app, backend);
        using var dapr = daprd.CreateSdkClient();

        var order = new Order($"tea-{Guid.NewGuid():N}", 2);
        await dapr.PublishEventAsync(PubSub, OrdersController.Topic, order);

        Assert.Single(await got.WaitForAsync(1, o => o == order));
    }

    [Fact]
    public async Task Publishing_to_a_broker_that_nobody_configured_fails()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryPubSub()).StartAsync();
        using var dapr = daprd.CreateSdkClient();

        var error = await Assert.ThrowsAsync<DaprException>(() => dapr.PublishEventAsync("nowhere", topic, 1));

        var status = Assert.IsType<RpcException>(error.InnerException).Status;
        Assert.Equal((StatusCode.InvalidArgument, "pubsub nowhere is not found"), (status.StatusCode, status.Detail));
    }

    private static Task<AspNetApp> StartAppAsync(Action<WebApplication> map) => AspNetApp.StartAsync(web =>
    {
        web.UseCloudEvents();
        web.MapSubscribeHandler();
        map(web);
    });

    private async Task<Daprd> StartAsync(AspNetApp app, Backend backend = Backend.InMemory, string? appId = null)
        => await Daprd.With(appId: appId, app: app, resources: await backend.ResourcesAsync(servers)).StartAsync(Until.Ready);
}

/// <summary>Subscribes as controllers do.</summary>
[ApiController]
public sealed class OrdersController : ControllerBase
{
    /// <summary>A topic for good, and so shared by all runs of its test on a broker.</summary>
    internal const string Topic = "orders-of-the-controller";

    [Topic("pubsub", Topic)]
    [HttpPost("controller/orders")]
    public ActionResult Place(SubscriptionTests.Order order)
    {
        HttpContext.RequestServices.GetRequiredService<Recording<SubscriptionTests.Order>>().Add(order);
        return Ok();
    }
}
