using System.Security.Cryptography;
using System.Text;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// Remembers good reviews, so that a sidecar that asks again, as all do when sentry was slow, costs the API server one call less.
/// Keyed by a hash: no token stays in memory. A review is forgotten when the token expires, when its pod changes, after ten minutes
/// at the latest, and when there are too many. Only tokens that are bound to one pod and say when they end are remembered.
/// </summary>
internal sealed class ReviewMemory(TimeProvider time)
{
    private const int Capacity = 4096;

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly Dictionary<Key, Entry> entries = [];
    private readonly Dictionary<(string Namespace, string Pod), HashSet<Key>> byPod = [];
    private readonly Queue<(Key Key, Entry Entry)> order = [];

    /// <summary>How many reviews are remembered.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return entries.Count;
            }
        }
    }

    /// <summary>A remembered review.</summary>
    public ReviewedAccount? Find(string token)
    {
        var key = Key.Of(token);
        lock (gate)
        {
            if (!entries.TryGetValue(key, out var entry))
            {
                return null;
            }

            if (time.GetUtcNow() < entry.Ends)
            {
                return entry.Account;
            }

            Remove(key, entry);
            return null;
        }
    }

    /// <summary>Remembers a review.</summary>
    public void Add(string token, ReviewedAccount account)
    {
        var now = time.GetUtcNow();
        if (account.Token is not { Expires: { } expires, PodUid.Length: > 0 } || expires <= now)
        {
            return;
        }

        var key = Key.Of(token);
        var ends = now + Longest;
        var entry = new Entry(account, expires < ends ? expires : ends);
        lock (gate)
        {
            if (entries.TryGetValue(key, out var old))
            {
                Remove(key, old);
            }

            entries[key] = entry;
            var pod = (account.Namespace, account.Token.PodName);
            if (!byPod.TryGetValue(pod, out var keys))
            {
                byPod[pod] = keys = [];
            }

            keys.Add(key);
            order.Enqueue((key, entry));
            // What is in the queue but no longer in the table was forgotten for another reason; it only takes the queue's place.
            while (entries.Count > Capacity || order.Count > 2 * Capacity)
            {
                var (oldest, its) = order.Dequeue();
                if (entries.TryGetValue(oldest, out var current) && ReferenceEquals(current, its))
                {
                    Remove(oldest, current);
                }
            }
        }
    }

    /// <summary>Forgets the reviews of a pod's tokens.</summary>
    public void ForgetPod(string @namespace, string pod)
    {
        lock (gate)
        {
            if (byPod.Remove((@namespace, pod), out var keys))
            {
                foreach (var key in keys)
                {
                    entries.Remove(key);
                }
            }
        }
    }

    private void Remove(Key key, Entry entry)
    {
        entries.Remove(key);
        var pod = (entry.Account.Namespace, entry.Account.Token.PodName);
        if (byPod.TryGetValue(pod, out var keys) && keys.Remove(key) && keys.Count == 0)
        {
            byPod.Remove(pod);
        }
    }

    private sealed record Entry(ReviewedAccount Account, DateTimeOffset Ends);

    /// <summary>SHA-256 of a token.</summary>
    private readonly record struct Key(UInt128 High, UInt128 Low)
    {
        public static Key Of(string token)
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(Encoding.UTF8.GetBytes(token), hash);
            return new Key(
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(hash),
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
        }
    }
}
