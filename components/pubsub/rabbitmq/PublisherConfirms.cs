namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// The messages of one channel that the broker has not confirmed yet. The client library could keep this book itself, but
/// it would put a header into every message.
/// </summary>
internal sealed class PublisherConfirms
{
    private readonly Lock gate = new();
    private readonly Dictionary<ulong, TaskCompletionSource> waiting = [];
    private ulong next = 1;
    private ulong oldest = 1;
    private Exception? end;

    /// <summary>The confirmation of the message that is published next on the channel; to be called in publish order.</summary>
    public Task Expect()
    {
        var confirmation = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (end is not null)
            {
                throw end;
            }

            waiting.Add(next++, confirmation);
        }

        return confirmation.Task;
    }

    /// <summary>The broker's answer for one message, or for all up to it.</summary>
    public void Settle(ulong sequence, bool multiple, bool taken)
    {
        lock (gate)
        {
            for (var i = multiple ? oldest : sequence; i <= sequence; i++)
            {
                if (!waiting.Remove(i, out var confirmation))
                {
                    continue;
                }

                if (taken)
                {
                    confirmation.SetResult();
                }
                else
                {
                    Fail(confirmation, new BrokerUnavailableException("did not receive confirmation of publishing"));
                }
            }

            if (multiple)
            {
                oldest = sequence + 1;
            }
        }
    }

    /// <summary>The channel is gone: nothing more is confirmed.</summary>
    public void End(Exception reason)
    {
        lock (gate)
        {
            if (end is not null)
            {
                return;
            }

            end = reason;
            foreach (var confirmation in waiting.Values)
            {
                Fail(confirmation, reason);
            }

            waiting.Clear();
        }
    }

    private static void Fail(TaskCompletionSource confirmation, Exception reason)
    {
        confirmation.SetException(reason);
        _ = confirmation.Task.Exception; // Observed here: the publisher may have given up waiting.
    }
}
