using DaprK8s.Components.Middleware.OAuth2;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.OAuth2ClientCredentials;

/// <summary>
/// A token that is fetched when it is first needed and again shortly before it expires; however many requests wait for it, one
/// fetch is under way at a time. A fetch that fails is not repeated for a second, so that a server in trouble is not hammered.
/// </summary>
internal sealed class CachedToken(Func<CancellationToken, Task<OAuth2Token>> fetch, ComponentContext context) : IDisposable
{
    private static readonly TimeSpan WithoutLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestMargin = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource closing = new();
    private Held? held;
    private Failure? failure;
    private Task<string?>? fetching;

    /// <summary>The header's value, or <see langword="null"/> when there is no token to be had.</summary>
    public ValueTask<string?> GetAsync(CancellationToken cancellationToken)
    {
        if (Fresh() is { } current)
        {
            return new(current);
        }

        lock (gate)
        {
            if (Fresh() is { } justFetched)
            {
                return new(justFetched);
            }

            if (fetching is null && failure is { } last && context.Time.GetElapsedTime(last.Since) < PauseAfterFailure)
            {
                return new(Unexpired());
            }

            // Not on the first waiter's thread: it must be able to give up, and the lock must be free again.
            fetching ??= Task.Run(FetchAsync);
            return new(fetching.WaitAsync(cancellationToken));
        }
    }

    public void Dispose()
    {
        closing.Cancel();
        closing.Dispose();
    }

    private async Task<string?> FetchAsync()
    {
        try
        {
            var since = context.Time.GetTimestamp();
            var token = await fetch(closing.Token);
            var lifetime = token.Lifetime ?? WithoutLifetime;
            var margin = lifetime / 10 < LongestMargin ? lifetime / 10 : LongestMargin;
            lock (gate)
            {
                fetching = null;
                failure = null;
                Volatile.Write(ref held, new Held(token.HeaderValue, since, lifetime - margin, lifetime));
            }

            context.Logger.LogInformation("{Component}: got a token, good for {Seconds:0} s", context.LogName, lifetime.TotalSeconds);
            return token.HeaderValue;
        }
        catch (Exception e)
        {
            string? fallback;
            lock (gate)
            {
                fetching = null;
                failure = new Failure(context.Time.GetTimestamp());
                fallback = Unexpired();
            }

            if (!closing.IsCancellationRequested)
            {
                context.Logger.LogError(
                    "{Component}: no token, {Consequence}: {Reason}",
                    context.LogName,
                    fallback is null ? "requests are refused" : "the current one is used until it expires",
                    e.Message);
            }

            return fallback;
        }
    }

    private string? Fresh()
        => Volatile.Read(ref held) is { } current && context.Time.GetElapsedTime(current.Since) < current.FreshFor ? current.HeaderValue : null;

    private string? Unexpired()
        => held is { } old && context.Time.GetElapsedTime(old.Since) < old.Lifetime ? old.HeaderValue : null;

    private sealed record Held(string HeaderValue, long Since, TimeSpan FreshFor, TimeSpan Lifetime);

    private sealed record Failure(long Since);
}
