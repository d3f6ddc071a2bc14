using DaprK8s.Common.Identity.Jwt;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.Bearer;

/// <summary>
/// An issuer's keys, fetched again as requests come once they are ten minutes old; without requests nothing runs. While the issuer
/// can't be reached the keys at hand go on counting.
/// </summary>
internal sealed class IssuerKeys(OpenIdProvider provider, string url, JsonWebKeySet first, ILogger logger, string logName, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan MinInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource stopping = new();
    private readonly Lock starting = new();
    private volatile JsonWebKeySet keys = first;
    private long fetched = time.GetUtcNow().UtcTicks;
    private long due = time.GetUtcNow().UtcTicks + MinInterval.Ticks;
    private TimeSpan pause = MinInterval;
    private Task? refresh;

    private long Now => time.GetUtcNow().UtcTicks;

    private bool IsFailing => pause < MinInterval;

    /// <summary>The keys; waits a moment for fresh ones when those at hand are old, as after a night without requests.</summary>
    public ValueTask<JsonWebKeySet> GetAsync(CancellationToken cancellationToken)
    {
        var now = Now;
        if (now < Volatile.Read(ref due) || StartRefresh() is not { } running || IsFailing || now - Volatile.Read(ref fetched) < MaxAge.Ticks)
        {
            return new ValueTask<JsonWebKeySet>(keys);
        }

        return WaitAsync(running, cancellationToken);
    }

    /// <summary>
    /// Fresh keys for a token that those at hand don't verify, for the issuer may have changed them; <see langword="null"/> when there
    /// are none, or it is too early to ask.
    /// </summary>
    public async ValueTask<JsonWebKeySet?> RefreshAsync(JsonWebKeySet seen, CancellationToken cancellationToken)
    {
        if (StartRefresh() is { } running)
        {
            await WaitAsync(running, cancellationToken);
        }

        return keys is var now && ReferenceEquals(now, seen) ? null : now;
    }

    public void Dispose()
    {
        stopping.Cancel();
        provider.Dispose();
    }

    private async ValueTask<JsonWebKeySet> WaitAsync(Task running, CancellationToken cancellationToken)
    {
        try
        {
            await running.WaitAsync(MaxWait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // The old keys have to do.
        }

        return keys;
    }

    // One fetch at a time, whoever asks; none while the last is too recent.
    private Task? StartRefresh()
    {
        lock (starting)
        {
            if (refresh is null && Now >= due && !stopping.IsCancellationRequested)
            {
                refresh = Task.Run(FetchAsync);
            }

            return refresh;
        }
    }

    private async Task FetchAsync()
    {
        var next = MinInterval;
        try
        {
            keys = await provider.ReadKeysAsync(url, stopping.Token);
            Volatile.Write(ref fetched, Now);
        }
        catch (Exception e)
        {
            var failed = (IsFailing ? pause * 2 : FirstPause) * (1 + (Random.Shared.NextDouble() / 4));
            next = failed < MinInterval ? failed : MinInterval - TimeSpan.FromSeconds(1);
            if (!stopping.IsCancellationRequested)
            {
                logger.LogWarning("{Component}: Error while refreshing JWKS cache: {Error}", logName, e.Message);
            }
        }

        lock (starting)
        {
            pause = next;
            Volatile.Write(ref due, Now + next.Ticks);
            refresh = null;
        }
    }
}
