using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.RabbitMq;

/// <summary>What the tests of the RabbitMQ component share.</summary>
public abstract class RabbitMqTests(RabbitMqFixture fixture) : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> opened = [];

    protected RabbitMqFixture Fixture => fixture;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    protected RecordingLogger Log { get; } = new();

    public async ValueTask DisposeAsync()
    {
        opened.Reverse();
        foreach (var item in opened)
        {
            await item.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected static string NewTopic() => $"orders-{Guid.NewGuid():N}";

    /// <summary>An instance with these settings, consumer id <c>app1</c> unless named.</summary>
    protected async Task<IPubSub> OpenAsync(params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string>
        {
            ["connectionString"] = fixture.Server.ConnectionString,
            ["consumerID"] = "app1",
            ["reconnectWaitSeconds"] = "50ms",
        };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        var pubsub = await ComponentUnderTest.StartAsync<IPubSub>("pubsub.rabbitmq", all, logger: Log);
        opened.Add(pubsub);
        return pubsub;
    }

    protected async Task<RabbitMQ.Client.IChannel> OpenChannelAsync()
    {
        var raw = await fixture.OpenChannelAsync();
        opened.Add(raw);
        return raw.Channel;
    }

    protected async Task<ISubscription> SubscribeAsync(
        IPubSub pubsub, string topic, Inbox inbox, params (string Name, string Value)[] metadata)
    {
        var subscription = await pubsub.SubscribeAsync(
            new SubscribeRequest(topic, metadata.ToDictionary(m => m.Name, m => m.Value)), inbox.HandleAsync, Stop);
        opened.Add(subscription);
        return subscription;
    }

    protected static async Task PublishAsync(IPubSub pubsub, string topic, string text, params (string Name, string Value)[] metadata)
        => await pubsub.PublishAsync(
            new PublishMessage(topic, Encoding.UTF8.GetBytes(text)) { Metadata = metadata.ToDictionary(m => m.Name, m => m.Value) }, Stop);
}
