using System.Globalization;
using DaprK8s.Common.Text;

namespace DaprK8s.Components;

/// <summary>Reads a message's time to live from publish metadata (contract: components 2.6).</summary>
public static class MessageTtl
{
    private static readonly string[] Keys = ["ttl", "ttlInSeconds"];

    /// <summary>Looks for <c>ttl</c>, then <c>ttlInSeconds</c>, in any case; a Go duration, else whole seconds.</summary>
    /// <param name="metadata">The metadata.</param>
    /// <param name="ttl">The time to live; a negative duration counts as zero.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="FormatException">The text is neither, or a number not above zero.</exception>
    public static bool TryRead(IReadOnlyDictionary<string, string> metadata, out TimeSpan ttl)
    {
        ttl = default;
        if (metadata.Count == 0)
        {
            return false;
        }

        foreach (var key in Keys)
        {
            foreach (var (name, text) in metadata)
            {
                if (!name.Equals(key, StringComparison.OrdinalIgnoreCase) || text.Length == 0)
                {
                    continue;
                }

                ttl = Parse(text);
                return true;
            }
        }

        return false;
    }

    private static TimeSpan Parse(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds))
        {
            return seconds is > 0 and < int.MaxValue
                ? TimeSpan.FromSeconds(seconds)
                : throw new FormatException($"ttl value must be higher than zero: actual is '{text}'");
        }

        if (!GoDuration.TryParse(text, out var ttl))
        {
            throw new FormatException($"ttl value must be a valid integer: actual is '{text}'");
        }

        return ttl < TimeSpan.Zero ? TimeSpan.Zero : ttl;
    }
}
