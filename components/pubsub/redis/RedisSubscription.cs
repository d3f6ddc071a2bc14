using System.Threading.Channels;
using DaprK8s.Components.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>
/// A subscription to one stream: fetches entries for the consumer group, hands them to the handler, a few at once, and
/// settles them. This part holds the way of a message and the subscription's life; the other one takes over messages that
/// other consumers, or an earlier life of this one, left without an answer.
/// </summary>
internal sealed partial class RedisSubscription : ISubscription
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan InterruptInterval = TimeSpan.FromMilliseconds(20);

    private readonly RedisClient client;
    private readonly RedisStreamSettings settings;
    private readonly string topic;
    private readonly MessageHandler handler;
    private readonly ComponentContext context;
    private readonly Action<RedisSubscription> remove;
    private readonly Channel<StreamMessage> queue;
    private readonly HeldMessages held = new();
    private readonly InFlight inFlight = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly Lock gate = new();
    private readonly Lazy<Task> ending;
    private readonly GroupReader reader;
    private readonly StreamWorker[] workers;
    private SettlementQueue? settlements;
    private Task reading = Task.CompletedTask;
    private Task reclaiming = Task.CompletedTask;
    private string? problem;

    public RedisSubscription(
        RedisClient client, RedisStreamSettings settings, string topic, MessageHandler handler, ComponentContext context, Action<RedisSubscription> remove)
    {
        this.client = client;
        this.settings = settings;
        this.topic = topic;
        this.handler = handler;
        this.context = context;
        this.remove = remove;
        queue = Channel.CreateBounded<StreamMessage>(settings.QueueDepth);
        ending = new Lazy<Task>(EndAsync);
        reader = new GroupReader(client, topic, settings, LogBadMetadata);
        workers = new StreamWorker[settings.Concurrency];
    }

    /// <summary>Creates the consumer group if need be, connects and starts.</summary>
    /// <exception cref="BrokerUnavailableException">The server is not there or refuses.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await CreateGroupAsync().WaitAsync(cancellationToken);
            await reader.OpenAsync(cancellationToken);
        }
        catch (Exception e)
        {
            await DisposeAsync();
            if (e is OperationCanceledException)
            {
                throw;
            }

            throw new BrokerUnavailableException($"redis streams: error subscribing to {topic}: {client.Explain(e)}", e);
        }

        if (!TryBegin())
        {
            await reader.DisposeAsync();
            throw Refusal.Closed();
        }
    }

    /// <inheritdoc/>
    public async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        while (!reading.IsCompleted)
        {
            await reader.InterruptAsync().WaitAsync(cancellationToken);
            await Task.WhenAny(reading, Task.Delay(InterruptInterval, context.Time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }

        await reclaiming.WaitAsync(cancellationToken);
        GiveBackQueued();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => new(ending.Value);

    private async Task EndAsync()
    {
        lock (gate)
        {
            stopping.Cancel();
        }

        using var patience = new CancellationTokenSource(InFlight.Patience, context.Time);
        try
        {
            await PauseAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            // The server does not answer. Without its connection the read ends.
            await reader.DisposeAsync();
            await Task.WhenAll(reading, reclaiming).WaitAsync(InFlight.Patience, context.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            GiveBackQueued();
        }

        foreach (var worker in workers)
        {
            worker?.GiveUp();
        }

        if (!await inFlight.DrainAsync(context.Time))
        {
            context.Logger.LogWarning("{Component}: a handler of topic {Topic} did not stop, its message is left", context.LogName, topic);
        }

        if (settlements is not null)
        {
            await settlements.DisposeAsync();
        }

        await reader.DisposeAsync();
        remove(this);
    }

    // The component may be closed while a subscription is being made.
    private bool TryBegin()
    {
        lock (gate)
        {
            if (stopping.IsCancellationRequested)
            {
                return false;
            }

            settlements = new SettlementQueue(client, topic, settings, held, context);
            for (var i = 0; i < workers.Length; i++)
            {
                workers[i] = new StreamWorker(queue.Reader, HandleAsync, settings.ProcessingTimeout, context.Time);
            }

            reading = Task.Run(ReadLoopAsync, CancellationToken.None);
            reclaiming = settings.Redelivers ? Task.Run(ReclaimLoopAsync, CancellationToken.None) : Task.CompletedTask;
            return true;
        }
    }

    // Without readers nothing comes after these.
    private void GiveBackQueued()
    {
        queue.Writer.TryComplete();
        while (queue.Reader.TryRead(out var message))
        {
            settlements!.Release(message);
        }
    }

    private async Task CreateGroupAsync()
    {
        try
        {
            await client.Database.StreamCreateConsumerGroupAsync(topic, settings.ConsumerId, StreamPosition.Beginning, createStream: true);
        }
        catch (RedisServerException e) when (e.Says("BUSYGROUP"))
        {
            // It exists, and with it the place where it has got to.
        }
    }

    private async Task ReadLoopAsync()
    {
        var wait = ShortestWait;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await queue.Writer.WaitToWriteAsync(stopping.Token);
                var room = Math.Max(1, settings.QueueDepth - queue.Reader.Count);
                await EnqueueAsync(await reader.ReadAsync(room, stopping.Token));
                NoteSuccess();
                wait = ShortestWait;
                continue;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (RedisServerException e) when (e.Says("NOGROUP") || e.Says("UNBLOCKED"))
            {
                await RecreateGroupAsync(e);
            }
            catch (Exception e)
            {
                NoteProblem(client.Explain(e));
            }

            await Task.Delay(Jitter.Around(wait), context.Time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        }
    }

    private async Task RecreateGroupAsync(RedisServerException reason)
    {
        context.Logger.LogWarning(
            "{Component}: consumer group {Group} of stream {Topic} is gone and is made anew; the server may have lost data: {Reason}",
            context.LogName, settings.ConsumerId, topic, reason.Message);
        try
        {
            await CreateGroupAsync();
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            NoteProblem(client.Explain(e));
        }
    }

    // Once the subscription is stopping, what was fetched is given back instead of waiting for a place in the queue.
    private async ValueTask EnqueueAsync(List<StreamMessage> messages)
    {
        foreach (var message in messages)
        {
            if (!held.TryAdd(message, context.Time.GetTimestamp()))
            {
                continue;
            }

            try
            {
                await queue.Writer.WriteAsync(message, stopping.Token);
            }
            catch (OperationCanceledException)
            {
                settlements!.Release(message);
            }
        }
    }

    private async Task HandleAsync(StreamMessage message, CancellationToken cancellationToken)
    {
        inFlight.Enter();
        try
        {
            if (stopping.IsCancellationRequested)
            {
                settlements!.Release(message);
                return;
            }

            message.IsHandedOut = true;
            await RenewIfOldAsync(message);
            Settle(message, await handler.AnswerAsync(message.Content, context, cancellationToken), cancellationToken.IsCancellationRequested);
        }
        finally
        {
            inFlight.Exit();
        }
    }

    private void Settle(StreamMessage message, Settlement answer, bool isLate)
    {
        switch (answer)
        {
            case Settlement.Ack:
                settlements!.Acknowledge(message);
                break;
            case Settlement.Nack when !isLate:
                // Trying again is the matter of resiliency policies; what they gave up on is not delivered again (contract: components 4.3).
                context.Logger.LogWarning(
                    "{Component}: message {Id} of topic {Topic} could not be handled and is dropped", context.LogName, message.Id, topic);
                settlements!.Acknowledge(message);
                break;
            default:
                settlements!.Release(message);
                break;
        }
    }

    private void NoteProblem(string text)
    {
        if (Interlocked.Exchange(ref problem, text) != text)
        {
            context.Logger.LogWarning("{Component}: topic {Topic} is not read, trying again: {Problem}", context.LogName, topic, text);
        }
    }

    private void NoteSuccess()
    {
        if (Interlocked.Exchange(ref problem, null) is not null)
        {
            context.Logger.LogInformation("{Component}: topic {Topic} is read again", context.LogName, topic);
        }
    }

    private void LogBadMetadata(string id)
        => context.Logger.LogWarning(
            "{Component}: message {Id} of topic {Topic} has metadata that is no JSON object of texts; it is delivered without", context.LogName, id, topic);
}
