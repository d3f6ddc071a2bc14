using System.Runtime.CompilerServices;

namespace DaprK8s.Common.Metrics;

/// <summary>
/// The label values of one series, in the order in which the instrument declares its labels. A value type, so that the hot
/// path finds its series without allocating.
/// </summary>
public readonly struct LabelValues : IEquatable<LabelValues>
{
    private readonly string? a, b, c, d, e, f, g;

    /// <summary>Takes up to seven values.</summary>
    public LabelValues(string? a, string? b = null, string? c = null, string? d = null, string? e = null, string? f = null, string? g = null)
        => (this.a, this.b, this.c, this.d, this.e, this.f, this.g) = (a, b, c, d, e, f, g);

    /// <inheritdoc/>
    public bool Equals(LabelValues other)
        => a == other.a && b == other.b && c == other.c && d == other.d && e == other.e && f == other.f && g == other.g;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is LabelValues other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(a, b, c, d, e, f, g);

    /// <summary>Whether all values are the same.</summary>
    public static bool operator ==(LabelValues left, LabelValues right) => left.Equals(right);

    /// <summary>Whether a value differs.</summary>
    public static bool operator !=(LabelValues left, LabelValues right) => !left.Equals(right);

    internal string[] ToArray(int count)
    {
        var all = new[] { a, b, c, d, e, f, g };
        var values = new string[count];
        for (var i = 0; i < count; i++)
        {
            values[i] = all[i] ?? "";
        }

        return values;
    }
}
