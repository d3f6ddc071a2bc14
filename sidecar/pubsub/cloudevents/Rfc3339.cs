using System.Globalization;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>The times of events.</summary>
internal static class Rfc3339
{
    private const int MaxFraction = 7;

    /// <summary>The length of the longest text.</summary>
    public const int MaxLength = 25;

    /// <summary>Writes a time to the second, with <c>Z</c> or its offset.</summary>
    public static int Format(DateTimeOffset time, Span<byte> text)
    {
        time.TryFormat(
            text, out var written, time.Offset == TimeSpan.Zero ? "yyyy-MM-dd'T'HH:mm:ss'Z'" : "yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);
        return written;
    }

    /// <summary>Reads a time that has an offset; digits below 100 ns are cut off.</summary>
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length is < 20 or > 64 || text[10] is not ('T' or 't'))
        {
            return false;
        }

        var end = text.AsSpan(19).IndexOfAnyExcept("0123456789.");
        if (end < 0)
        {
            return false;
        }

        var fraction = text.AsSpan(19, Math.Min(end, MaxFraction + 1));
        var zone = text.AsSpan(19 + end);
        return DateTimeOffset.TryParseExact(
            string.Concat(text.AsSpan(0, 19), fraction, zone).ToUpperInvariant(),
            ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"],
            CultureInfo.InvariantCulture,
            DateTimeStyles.None,
            out time);
    }
}
