using System.Globalization;

namespace DaprK8s.Common.Text;

/// <summary>
/// Kubernetes resource quantities (<c>4Mi</c>, <c>1000k</c>, <c>1e3</c>, <c>512</c>), here always a number of bytes
/// (<see href="https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"/>).
/// </summary>
public static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50), ("Ei", 1L << 60),
        ("n", 1e-9m), ("u", 1e-6m), ("m", 1e-3m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m), ("E", 1e18m),
    ];

    /// <summary>Parses a quantity into whole bytes; fractions of a byte round up, as Kubernetes does.</summary>
    /// <returns><see langword="false"/> when the text is no quantity or exceeds 2^63-1.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out long bytes)
    {
        bytes = 0;
        text = text.Trim();
        decimal factor = 1;
        foreach (var (suffix, value) in Suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                factor = value;
                text = text[..^suffix.Length];
                break;
            }
        }

        const NumberStyles styles = NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | NumberStyles.AllowExponent;
        if (text.IsEmpty || text.Length > 28 || !decimal.TryParse(text, styles, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        if (Math.Abs(number) > long.MaxValue / Math.Max(factor, 1))
        {
            return false;
        }

        bytes = (long)decimal.Ceiling(number * factor);
        return true;
    }

    /// <summary>
    /// Whether a text is a quantity as the API server reads it: a decimal number with a suffix or an exponent, nothing around it. Unlike
    /// <see cref="TryParse"/> it says nothing of the size.
    /// </summary>
    public static bool IsWellFormed(ReadOnlySpan<char> text)
    {
        if (text.Length > 0 && text[0] is '+' or '-')
        {
            text = text[1..];
        }

        var end = text.IndexOfAnyExcept("0123456789.");
        var number = end < 0 ? text : text[..end];
        var suffix = end < 0 ? default : text[end..];
        return number.IndexOfAnyExcept('.') >= 0 && number.Count('.') <= 1 && IsSuffix(suffix);
    }

    private static bool IsSuffix(ReadOnlySpan<char> suffix)
    {
        if (suffix.IsEmpty)
        {
            return true;
        }

        foreach (var (known, _) in Suffixes)
        {
            if (suffix.SequenceEqual(known))
            {
                return true;
            }
        }

        return suffix[0] is 'e' or 'E' && int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);
    }
}
