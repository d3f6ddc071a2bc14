using System.Threading.Channels;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>Handles the messages of a queue one after the other, each with the time that it may take.</summary>
internal sealed class StreamWorker
{
    private readonly ChannelReader<StreamMessage> queue;
    private readonly Func<StreamMessage, CancellationToken, Task> handle;
    private readonly TimeSpan timeout;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private CancellationTokenSource limit;
    private bool gaveUp;
    private bool ended;

    /// <summary>Starts.</summary>
    /// <param name="queue">Where messages come from; its end is the worker's.</param>
    /// <param name="handle">Handles a message; throws nothing.</param>
    /// <param name="timeout">How long that may take before its token ends; zero for ever.</param>
    /// <param name="time">The clock.</param>
    public StreamWorker(ChannelReader<StreamMessage> queue, Func<StreamMessage, CancellationToken, Task> handle, TimeSpan timeout, TimeProvider time)
    {
        this.queue = queue;
        this.handle = handle;
        this.timeout = timeout;
        this.time = time;
        limit = NewLimit();
        _ = Task.Run(RunAsync);
    }

    /// <summary>Ends the token of the message at hand, and of any that follow.</summary>
    public void GiveUp()
    {
        lock (gate)
        {
            gaveUp = true;
            if (!ended)
            {
                limit.Cancel();
            }
        }
    }

    private async Task RunAsync()
    {
        await foreach (var message in queue.ReadAllAsync())
        {
            await handle(message, StartLimit());
        }

        lock (gate)
        {
            ended = true;
            limit.Dispose();
        }
    }

    private CancellationToken StartLimit()
    {
        lock (gate)
        {
            // Most messages leave their token as it was, and the next one can have it.
            if (!gaveUp && !limit.TryReset())
            {
                limit.Dispose();
                limit = NewLimit();
            }

            if (timeout > TimeSpan.Zero && !gaveUp)
            {
                limit.CancelAfter(timeout);
            }

            return limit.Token;
        }
    }

    private CancellationTokenSource NewLimit() => new(Timeout.InfiniteTimeSpan, time);
}
