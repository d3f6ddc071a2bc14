using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// Work by key, as a controller's queue does it: a key that waits is there once, a key at work is not begun a second time but done
/// again afterwards, and one that fails comes back after a pause that grows with each failure in a row. A failure is told once for a key,
/// and a missing right once for all of them, until they work again.
/// </summary>
/// <typeparam name="TKey">What the work is about.</typeparam>
/// <param name="name">What the queue is for, in log lines.</param>
/// <param name="work">Brings one key up to date.</param>
/// <param name="parallelism">How many keys are worked on at a time.</param>
/// <param name="logger">Told of failures.</param>
/// <param name="time">The clock.</param>
public sealed class WorkQueue<TKey>(string name, Func<TKey, CancellationToken, Task> work, int parallelism, ILogger logger, TimeProvider time)
    where TKey : notnull
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private readonly Queue<TKey> waiting = new();
    private readonly HashSet<TKey> dirty = [];
    private readonly HashSet<TKey> working = [];
    private readonly Dictionary<TKey, Failure> failures = [];
    private readonly HashSet<string> missingRights = [];
    private readonly SemaphoreSlim available = new(0);
    private readonly SemaphoreSlim slots = new(parallelism);

    /// <summary>How many keys wait or are worked on; those in a pause are not counted.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return waiting.Count + working.Count;
            }
        }
    }

    /// <summary>Asks for a key to be worked on.</summary>
    public void Add(TKey key)
    {
        lock (gate)
        {
            if (dirty.Add(key) && !working.Contains(key))
            {
                waiting.Enqueue(key);
                available.Release();
            }
        }
    }

    /// <summary>Works until cancellation; then waits for what is at work.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var taken = 0;
        try
        {
            while (true)
            {
                await slots.WaitAsync(cancellationToken);
                taken = 1;
                await available.WaitAsync(cancellationToken);
                taken = 0;
                _ = WorkAsync(Take(), cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            for (; taken < parallelism; taken++)
            {
                await slots.WaitAsync(CancellationToken.None);
            }
        }
    }

    private TKey Take()
    {
        lock (gate)
        {
            var key = waiting.Dequeue();
            dirty.Remove(key);
            working.Add(key);
            return key;
        }
    }

    private async Task WorkAsync(TKey key, CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        TimeSpan? pause = null;
        try
        {
            await work(key, cancellationToken);
            Forget(key);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The queue stops.
        }
        catch (Exception e)
        {
            (pause, var isNew) = Fail(key, e);
            logger.Log(
                isNew ? LogLevel.Warning : LogLevel.Debug, "{Queue} {Key} failed, trying again in {Pause:0.0} s: {Error}",
                name, key, pause.Value.TotalSeconds, KubernetesException.Explain(e));
        }

        Done(key);
        slots.Release();
        if (pause is { } length)
        {
            await Task.Delay(length, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!cancellationToken.IsCancellationRequested && HasFailed(key))
            {
                Add(key);
            }
        }
    }

    private void Done(TKey key)
    {
        lock (gate)
        {
            working.Remove(key);
            if (dirty.Contains(key))
            {
                waiting.Enqueue(key);
                available.Release();
            }
        }
    }

    // Work that was asked for again meanwhile, and went well, needs no second attempt.
    private bool HasFailed(TKey key)
    {
        lock (gate)
        {
            return failures.ContainsKey(key);
        }
    }

    private void Forget(TKey key)
    {
        Failure? former;
        lock (gate)
        {
            if (failures.Remove(key, out former) && former.MissingRight is { } right)
            {
                missingRights.Remove(right);
            }
        }

        if (former is not null)
        {
            logger.LogInformation("{Queue} {Key} went well after {Count} failures", name, key, former.Count);
        }
    }

    private (TimeSpan Pause, bool IsNew) Fail(TKey key, Exception e)
    {
        var right = (e as KubernetesException)?.MissingRight;
        lock (gate)
        {
            var former = failures.GetValueOrDefault(key);
            var count = former?.Count ?? 0;
            failures[key] = new Failure(count + 1, e.Message, right);
            var isNew = right is null ? former?.Message != e.Message : missingRights.Add(right);
            var pause = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, Math.Min(count, 20)), LongestPause.TotalMilliseconds);
            return (TimeSpan.FromMilliseconds(pause * (0.8 + (0.4 * Random.Shared.NextDouble()))), isNew);
        }
    }

    private sealed record Failure(int Count, string Message, string? MissingRight);
}
