using System.Globalization;

namespace DaprK8s.Components;

/// <summary>Reads the time to live from a write's request metadata (contract: components 2.6).</summary>
public static class StateTtl
{
    /// <summary>The metadata key, exact case.</summary>
    public const string Key = "ttlInSeconds";

    /// <summary>
    /// The TTL in whole seconds: <see langword="null"/> when the request names none, zero or -1 when it should not expire.
    /// </summary>
    /// <exception cref="FormatException">The text is no integer from -1 to 2147483647.</exception>
    public static int? Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue(Key, out var text) || text.Length == 0)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds))
        {
            throw new FormatException($"incorrect value for metadata '{Key}': \"{text}\" is not a whole number of seconds");
        }

        return seconds >= -1 ? seconds : throw new FormatException($"incorrect value for metadata '{Key}': must be -1 or greater");
    }
}
