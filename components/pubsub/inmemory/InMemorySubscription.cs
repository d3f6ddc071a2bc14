using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub.InMemory;

/// <summary>A queue of messages and the loop that hands them out one by one.</summary>
internal sealed class InMemorySubscription : ISubscription
{
    private const char Wildcard = '*';

    private readonly Channel<BrokerMessage> queue = Channel.CreateUnbounded<BrokerMessage>(new() { SingleReader = true });
    private readonly CancellationTokenSource giveUp = new();
    private readonly string topic;
    private readonly MessageHandler handler;
    private readonly ComponentContext context;
    private readonly Action<InMemorySubscription> remove;
    private readonly Task loop;
    private volatile bool paused;

    public InMemorySubscription(string topic, MessageHandler handler, ComponentContext context, Action<InMemorySubscription> remove)
    {
        this.topic = topic;
        this.handler = handler;
        this.context = context;
        this.remove = remove;
        loop = RunAsync();
    }

    /// <summary>Whether a message of this topic belongs here; <c>a*</c> stands for every longer topic that starts with <c>a</c>.</summary>
    public bool Matches(string published)
        => topic[^1] == Wildcard
            ? published.Length >= topic.Length && published.AsSpan().StartsWith(topic.AsSpan(0, topic.Length - 1), StringComparison.Ordinal)
            : published == topic;

    public void Enqueue(BrokerMessage message) => queue.Writer.TryWrite(message);

    public ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        paused = true;
        remove(this);
        queue.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await PauseAsync(CancellationToken.None);
        await giveUp.CancelAsync();
        try
        {
            await loop.WaitAsync(InFlight.Patience, context.Time);
        }
        catch (TimeoutException)
        {
            context.Logger.LogWarning("{Component}: a handler of topic {Topic} did not stop", context.LogName, topic);
        }
    }

    private async Task RunAsync()
    {
        await foreach (var message in queue.Reader.ReadAllAsync())
        {
            if (paused)
            {
                return;
            }

            var settlement = await handler.AnswerAsync(message, context, giveUp.Token);
            if (settlement == Settlement.Nack)
            {
                context.Logger.LogError("{Component}: a message on topic {Topic} failed and is lost", context.LogName, topic);
            }
        }
    }
}
