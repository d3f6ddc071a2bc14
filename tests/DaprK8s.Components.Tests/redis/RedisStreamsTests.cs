using System.Text;
using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;
using StackExchange.Redis;

namespace DaprK8s.Components.Tests.Redis;

/// <summary>What the tests of <c>pubsub.redis</c> share: components on one server that are closed with the test.</summary>
public abstract class RedisStreamsTests : IAsyncLifetime
{
    /// <summary>The consumer id unless a test says otherwise.</summary>
    protected const string Group = "group-a";

    private readonly List<IAsyncDisposable> opened = [];

    /// <summary>A stream of this test alone.</summary>
    protected string Topic { get; } = $"orders-{Guid.NewGuid():N}";

    /// <summary>What all components of the test have logged.</summary>
    protected RecordingLogger Log { get; } = new();

    /// <summary>The server.</summary>
    protected abstract RedisServer Server { get; }

    /// <summary>A look past the component.</summary>
    protected RawRedis Raw { get; private set; } = null!;

    /// <summary>Ends with the test.</summary>
    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public virtual async ValueTask InitializeAsync() => Raw = await RawRedis.ConnectAsync(Server);

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        foreach (var disposable in opened)
        {
            await disposable.DisposeAsync();
        }

        await Raw.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>An initialised component, as a sidecar of its own would have it.</summary>
    protected async Task<IPubSub> OpenAsync(params (string Name, string Value)[] settings)
    {
        var all = ComponentUnderTest.Merge(RawRedis.Settings(("redisHost", Server.Address), ("consumerID", Group)), RawRedis.Settings(settings));
        var pubsub = await ComponentUnderTest.StartAsync<IPubSub>("pubsub.redis", all, logger: Log);
        opened.Add(pubsub);
        return pubsub;
    }

    /// <summary>Subscribes to <see cref="Topic"/>.</summary>
    protected Task<ISubscription> SubscribeAsync(IPubSub pubsub, Inbox inbox)
        => pubsub.SubscribeAsync(new SubscribeRequest(Topic, EmptyMetadata.Instance), inbox.HandleAsync, Stop);

    /// <summary>Publishes a text.</summary>
    protected async Task PublishAsync(IPubSub pubsub, string text, params (string Name, string Value)[] metadata)
        => await pubsub.PublishAsync(
            new PublishMessage(Topic, Encoding.UTF8.GetBytes(text)) { Metadata = metadata.ToDictionary(m => m.Name, m => m.Value) }, Stop);

    /// <summary>Waits until every message of the group has its answer.</summary>
    protected Task SettledAsync() => Eventually.TrueAsync(
        async () => await Raw.PendingAsync(Topic, Group) == 0, "every message is acknowledged");

    /// <summary>Fetches messages for the group without ever answering, as a sidecar does that dies.</summary>
    protected async Task<StreamEntry[]> FetchAndDieAsync(int count)
    {
        await Raw.Database.StreamCreateConsumerGroupAsync(Topic, Group, StreamPosition.Beginning);
        return await Raw.Database.StreamReadGroupAsync(Topic, Group, "dead", ">", count);
    }
}
