using System.Threading.Channels;

namespace DaprK8s.Common.Hosting;

/// <summary>Calls a loop that waits back to work. Calls before it waits are not lost, and any number of them are one. One waiter at a time.</summary>
public sealed class WakeUp
{
    private readonly Channel<bool> calls = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Calls.</summary>
    public void Call() => calls.Writer.TryWrite(true);

    /// <summary>Waits for a call, for something else that may happen, or for a time to pass.</summary>
    /// <param name="other">What else ends the wait.</param>
    /// <param name="patience">The time; <see cref="Timeout.InfiniteTimeSpan"/> for none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it with <see cref="OperationCanceledException"/>.</param>
    public async Task WaitAsync(Task other, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var called = calls.Reader.ReadAsync(limit.Token).AsTask();
        await Task.WhenAny(other, called, Task.Delay(patience, time, limit.Token));
        await limit.CancelAsync();
        await ((Task)called).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
