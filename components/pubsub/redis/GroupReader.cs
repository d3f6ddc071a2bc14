using System.Net;
using DaprK8s.Components.Redis;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>
/// Reads a stream for a consumer group with reads that wait at the server, so that a message is here the moment it was
/// published and an idle subscription costs one call every few seconds. Such a read holds up everything behind it, hence a
/// connection of its own.
/// </summary>
internal sealed class GroupReader : IAsyncDisposable
{
    // A server that stands still for less than this loses nothing: its late answer is still taken. Longer, and the connection is replaced.
    private static readonly TimeSpan Indulgence = TimeSpan.FromSeconds(30);
    private const int CountPosition = 4;

    private readonly RedisClient client;
    private readonly string topic;
    private readonly TimeSpan answerTimeout;
    private readonly Action<string> onBadMetadata;
    private readonly RedisKeyOrValue[] arguments;
    private RedisClient? connection;
    private volatile WaitingClient? waiting;

    public GroupReader(RedisClient client, string topic, RedisStreamSettings settings, Action<string> onBadMetadata)
    {
        this.client = client;
        this.topic = topic;
        this.onBadMetadata = onBadMetadata;
        answerTimeout = settings.Block + Indulgence;
        arguments =
        [
            Value("GROUP"), Value(settings.ConsumerId), Value(settings.ConsumerId), Value("COUNT"), Value(1),
            Value("BLOCK"), Value((long)settings.Block.TotalMilliseconds), Value("STREAMS"), (RedisKey)topic, Value(">"),
        ];
    }

    /// <summary>Connects, if that has not happened yet.</summary>
    public async Task<RedisClient> OpenAsync(CancellationToken cancellationToken)
    {
        if (connection is { } open)
        {
            return open;
        }

        open = await client.OpenAnotherAsync(answerTimeout, cancellationToken);
        open.Restored += () => waiting = null;
        connection = open;
        return open;
    }

    /// <summary>Waits for messages; returns none after a while, or when interrupted.</summary>
    /// <param name="count">The most messages.</param>
    /// <param name="cancellationToken">Keeps a read from starting; one under way is ended with <see cref="InterruptAsync"/>.</param>
    public async Task<List<StreamMessage>> ReadAsync(int count, CancellationToken cancellationToken)
    {
        var open = await OpenAsync(cancellationToken);
        waiting ??= await IntroduceAsync(open);
        cancellationToken.ThrowIfCancellationRequested();
        arguments[CountPosition] = Value(count);
        try
        {
            using var reply = await open.Database.ExecuteRespAsync("XREADGROUP", arguments);
            return StreamReply.ReadGroup(reply, topic, onBadMetadata);
        }
        catch (RedisTimeoutException)
        {
            await CloseAsync();
            throw;
        }
    }

    /// <summary>
    /// Ends a read that waits at the server. The server decides between this and a message that comes at the same moment, so
    /// that none falls in between.
    /// </summary>
    public async Task InterruptAsync()
    {
        if (waiting is not { Id: not 0 } reading)
        {
            return;
        }

        try
        {
            await client.Server(reading.Server).ExecuteAsync("CLIENT", "UNBLOCK", reading.Id);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ArgumentException)
        {
            // Not reachable or not permitted: the read ends by itself before long.
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => CloseAsync();

    private static RedisKeyOrValue Value(RedisValue value) => value;

    private async ValueTask CloseAsync()
    {
        waiting = null;
        if (Interlocked.Exchange(ref connection, null) is { } open)
        {
            await open.DisposeAsync();
        }
    }

    private async Task<WaitingClient> IntroduceAsync(RedisClient reader)
    {
        var server = reader.ServerOf(topic);
        try
        {
            return new WaitingClient(server.EndPoint, (long)await server.ExecuteAsync("CLIENT", "ID"));
        }
        catch (RedisServerException)
        {
            return new WaitingClient(server.EndPoint, 0); // Not permitted to this user.
        }
    }

    private sealed record WaitingClient(EndPoint Server, long Id);
}
