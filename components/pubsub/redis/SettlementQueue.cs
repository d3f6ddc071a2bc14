using System.Threading.Channels;
using DaprK8s.Components.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>
/// Takes answers to the server in the background, as many at once as have come together meanwhile, and again until the
/// server has them: an answer that gets lost would mean a second delivery.
/// </summary>
internal sealed class SettlementQueue : IAsyncDisposable
{
    private const int LargestBatch = 1000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(50);

    private readonly Channel<Answer> answers = Channel.CreateUnbounded<Answer>(new() { SingleReader = true });
    private readonly CancellationTokenSource giveUp = new();
    private readonly RedisClient client;
    private readonly string topic;
    private readonly RedisStreamSettings settings;
    private readonly HeldMessages held;
    private readonly ComponentContext context;
    private readonly Task loop;

    public SettlementQueue(RedisClient client, string topic, RedisStreamSettings settings, HeldMessages held, ComponentContext context)
    {
        this.client = client;
        this.topic = topic;
        this.settings = settings;
        this.held = held;
        this.context = context;
        loop = Task.Run(RunAsync);
    }

    private enum Outcome
    {
        Done,
        GoesBack,
    }

    /// <summary>The message is done.</summary>
    public void Acknowledge(StreamMessage message) => answers.Writer.TryWrite(new Answer(message, Outcome.Done));

    /// <summary>The message goes to whoever looks for pending messages next.</summary>
    public void Release(StreamMessage message)
    {
        if (settings.Redelivers)
        {
            answers.Writer.TryWrite(new Answer(message, Outcome.GoesBack));
        }
        else
        {
            held.Remove(message);
        }
    }

    /// <summary>Returns when the server has all answers, or has not answered for <see cref="InFlight.Patience"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        answers.Writer.TryComplete();
        giveUp.CancelAfter(InFlight.Patience);
        await loop;
        giveUp.Dispose();
    }

    private async Task RunAsync()
    {
        List<StreamMessage> done = [];
        List<StreamMessage> goesBack = [];
        while (await answers.Reader.WaitToReadAsync(CancellationToken.None))
        {
            while (done.Count + goesBack.Count < LargestBatch && answers.Reader.TryRead(out var answer))
            {
                (answer.Outcome == Outcome.Done ? done : goesBack).Add(answer.Message);
            }

            await SendAsync(done, AcknowledgeAsync);
            await SendAsync(goesBack, ReleaseAsync);
        }
    }

    private async Task SendAsync(List<StreamMessage> batch, Func<List<StreamMessage>, Task> send)
    {
        for (var wait = ShortestWait; batch.Count > 0; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            try
            {
                await send(batch).WaitAsync(giveUp.Token);
                held.Remove(batch);
                batch.Clear();
            }
            catch (Exception e) when (e is RedisConnectionException or RedisTimeoutException || (e is RedisServerException s && IsPassing(s)))
            {
                await Task.Delay(Jitter.Around(wait), context.Time, giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                GiveUpWhenTold(batch, client.Explain(e));
            }
            catch (OperationCanceledException)
            {
                GiveUpWhenTold(batch, "the server does not answer");
            }
            catch (Exception e)
            {
                GiveUp(batch, client.Explain(e));
            }
        }
    }

    private static bool IsPassing(RedisServerException e) => !(e.Says("NOGROUP") || e.Says("WRONGTYPE") || e.Says("NOPERM") || e.Says("ERR"));

    private void GiveUpWhenTold(List<StreamMessage> batch, string problem)
    {
        if (giveUp.IsCancellationRequested)
        {
            GiveUp(batch, problem);
        }
    }

    private void GiveUp(List<StreamMessage> batch, string problem)
    {
        if (batch.Count == 0)
        {
            return;
        }

        context.Logger.LogWarning(
            "{Component}: {Count} messages of topic {Topic} could not be settled and may be delivered again: {Problem}",
            context.LogName, batch.Count, topic, problem);
        held.Remove(batch);
        batch.Clear();
    }

    private Task AcknowledgeAsync(List<StreamMessage> batch)
    {
        var ids = new RedisValue[batch.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = batch[i].Id;
        }

        return client.Database.StreamAcknowledgeAsync(topic, settings.ConsumerId, ids);
    }

    // As old as a message must be to be taken over, so that nobody has to wait that long for one that nobody works on.
    private Task ReleaseAsync(List<StreamMessage> batch)
        => client.ClaimIdsAsync(topic, settings.ConsumerId, batch, settings.ProcessingTimeout);

    private readonly record struct Answer(StreamMessage Message, Outcome Outcome);
}
