namespace DaprK8s.Components.Middleware.Sentinel;

/// <summary>Two sums over the last stretch of time, kept in slices so that old ones fall away bit by bit.</summary>
internal sealed class SlidingWindow(long lengthMs)
{
    private const int Slices = 10;

    private readonly long sliceMs = Math.Max(1, (lengthMs + Slices - 1) / Slices);
    private readonly (long Start, long Count, long Amount)[] slices = [.. Enumerable.Repeat((long.MinValue, 0L, 0L), Slices)];

    /// <summary>Counts one event and adds to the second sum.</summary>
    public void Add(long now, long amount = 0)
    {
        var start = now - (now % sliceMs);
        ref var slice = ref slices[now / sliceMs % Slices];
        slice = slice.Start == start ? (start, slice.Count + 1, slice.Amount + amount) : (start, 1, amount);
    }

    /// <summary>Events and second sum of the window that ends now.</summary>
    public (long Count, long Amount) Sum(long now)
    {
        var (count, amount) = (0L, 0L);
        foreach (var slice in slices)
        {
            if (slice.Start > now - (sliceMs * Slices))
            {
                (count, amount) = (count + slice.Count, amount + slice.Amount);
            }
        }

        return (count, amount);
    }

    public void Clear() => Array.Fill(slices, (long.MinValue, 0L, 0L));
}
