namespace DaprK8s.Common.ControlPlane;

/// <summary>
/// The loops of a service that must run as long as it does. One that fails ends the service: a process that is half alive is
/// restarted by nobody. One that ends well has done its work.
/// </summary>
public sealed class Loops : IAsyncDisposable
{
    private readonly CancellationTokenSource stop;
    private readonly List<Task> running = [];

    /// <summary>Makes an empty set.</summary>
    /// <param name="cancellationToken">Stops all of them.</param>
    public Loops(CancellationToken cancellationToken) => stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

    /// <summary>Starts a loop; only before <see cref="WatchAsync"/>.</summary>
    public void Start(Func<CancellationToken, Task> loop) => running.Add(loop(stop.Token));

    /// <summary>Waits until one fails or all are stopped.</summary>
    /// <exception cref="Exception">What the loop failed with.</exception>
    public async Task WatchAsync()
    {
        var left = new List<Task>(running) { Task.Delay(Timeout.Infinite, stop.Token) };
        while (!stop.IsCancellationRequested)
        {
            var ended = await Task.WhenAny(left);
            left.Remove(ended);
            if (!stop.IsCancellationRequested)
            {
                await ended;
            }
        }
    }

    /// <summary>Stops them and waits for their ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }
}
