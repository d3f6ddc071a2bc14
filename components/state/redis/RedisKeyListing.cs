using System.Text;
using DaprK8s.Components.Redis;
using StackExchange.Redis;

namespace DaprK8s.Components.State.Redis;

/// <summary>
/// Lists keys by prefix. Redis has no order of keys, so every page scans them all and keeps those that follow the last key
/// of the page before; deleting keys in between moves nothing.
/// </summary>
internal static class RedisKeyListing
{
    private const int ScanPage = 1000;

    /// <summary>Collects a page.</summary>
    /// <param name="client">The connection.</param>
    /// <param name="prefix">What the keys start with.</param>
    /// <param name="pageSize">The most keys; zero or less for all.</param>
    /// <param name="after">The last key of the page before.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentException">The prefix is empty, or <paramref name="after"/> is no key of this prefix.</exception>
    public static async ValueTask<KeyPage> ListAsync(
        RedisClient client, string prefix, int pageSize, string? after, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        if (after is not null && !after.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw new ArgumentException("invalid continue token: it is no key of this prefix", nameof(after));
        }

        var limit = pageSize is > 0 and < int.MaxValue ? pageSize : int.MaxValue - 1;
        var pattern = new RedisValue(EscapeGlob(prefix) + "*");

        // SCAN may return a key twice. One key more than asked tells whether another page follows.
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var server in await client.KeyServersAsync(prefix))
        {
            await foreach (var key in server.KeysAsync(client.Settings.Database, pattern, ScanPage).WithCancellation(cancellationToken))
            {
                var text = (string?)key;
                if (text is null || (after is not null && string.CompareOrdinal(text, after) <= 0))
                {
                    continue;
                }

                if (found.Add(text) && found.Count > limit + 1)
                {
                    found.Remove(found.Max!);
                }
            }
        }

        if (found.Count <= limit)
        {
            return new KeyPage([.. found], null);
        }

        found.Remove(found.Max!);
        return new KeyPage([.. found], found.Max);
    }

    private static string EscapeGlob(string text)
    {
        var escaped = new StringBuilder(text.Length + 1);
        foreach (var c in text)
        {
            if (c is '*' or '?' or '[' or ']' or '\\')
            {
                escaped.Append('\\');
            }

            escaped.Append(c);
        }

        return escaped.ToString();
    }
}
