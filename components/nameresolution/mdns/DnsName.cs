using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// A domain name in its wire form: length-prefixed labels, closed by the root's zero byte, never compressed. Labels are
/// bytes and compare as they are, with regard to case (contract: messaging 6.3).
/// </summary>
internal sealed class DnsName : IEquatable<DnsName>
{
    /// <summary>The longest name, root byte included (RFC 1035).</summary>
    public const int MaxLength = 255;

    /// <summary>The longest label.</summary>
    public const int MaxLabelLength = 63;

    private readonly byte[] wire;

    private DnsName(byte[] wire) => this.wire = wire;

    /// <summary>The name without labels.</summary>
    public static DnsName Root { get; } = new([0]);

    /// <summary>The domain of multicast DNS, <c>local.</c></summary>
    public static DnsName Local { get; } = Join("local", Root);

    /// <summary>What one asks for to learn which services exist, <c>_services._dns-sd._udp.local.</c></summary>
    public static DnsName ServiceTypes { get; } = Join("_services._dns-sd._udp", Local);

    /// <summary>The labels and the closing zero.</summary>
    public ReadOnlySpan<byte> Wire => wire;

    /// <summary>Takes a name that a <see cref="DnsMessageReader"/> has expanded, and so checked.</summary>
    public static DnsName FromExpanded(ReadOnlySpan<byte> wire) => new(wire.ToArray());

    /// <summary>
    /// Writes the labels of UTF-8 text, cut at its dots, followed by those of <paramref name="parent"/>.
    /// </summary>
    /// <returns><see langword="false"/> when that is no name: a label is empty or too long, or the whole is.</returns>
    public static bool TryJoin(ReadOnlySpan<byte> text, DnsName parent, Span<byte> destination, out int length)
    {
        length = 0;
        if (text.Length + 1 + parent.wire.Length > Math.Min(MaxLength, destination.Length))
        {
            return false;
        }

        foreach (var part in text.Split((byte)'.'))
        {
            var label = text[part];
            if (label.Length is 0 or > MaxLabelLength)
            {
                return false;
            }

            destination[length++] = (byte)label.Length;
            label.CopyTo(destination[length..]);
            length += label.Length;
        }

        parent.wire.CopyTo(destination[length..]);
        length += parent.wire.Length;
        return true;
    }

    /// <summary>As the other overload, yielding a name.</summary>
    public static bool TryJoin(string text, DnsName parent, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        if (text.Length >= MaxLength)
        {
            return false;
        }

        Span<byte> wire = stackalloc byte[MaxLength];
        if (TryJoin(Encoding.UTF8.GetBytes(text), parent, wire, out var length))
        {
            name = new DnsName(wire[..length].ToArray());
        }

        return name is not null;
    }

    /// <summary>Puts one label, whatever bytes it has, in front of a name.</summary>
    /// <returns><see langword="false"/> when the label is empty or too long, or the whole is too long.</returns>
    public static bool TryPrepend(ReadOnlySpan<byte> label, DnsName parent, [NotNullWhen(true)] out DnsName? name)
    {
        name = label.Length is 0 or > MaxLabelLength || label.Length + 1 + parent.wire.Length > MaxLength
            ? null
            : new DnsName([(byte)label.Length, .. label, .. parent.wire]);
        return name is not null;
    }

    /// <summary>Whether a name in wire form is <paramref name="suffix"/> or ends with all of its labels.</summary>
    public static bool IsAtOrBelow(ReadOnlySpan<byte> wire, ReadOnlySpan<byte> suffix)
    {
        while (wire.Length > suffix.Length)
        {
            wire = wire[(wire[0] + 1)..];
        }

        return wire.SequenceEqual(suffix);
    }

    /// <summary>Dotted text of a name in wire form; bytes that are no plain character appear as <c>\ddd</c>.</summary>
    public static string Describe(ReadOnlySpan<byte> wire)
    {
        StringBuilder text = new(wire.Length + 8);
        while (wire[0] != 0)
        {
            foreach (var b in wire.Slice(1, wire[0]))
            {
                _ = b is > 0x20 and < 0x7f and not (byte)'.' and not (byte)'\\'
                    ? text.Append((char)b)
                    : text.Append(CultureInfo.InvariantCulture, $"\\{b:000}");
            }

            text.Append('.');
            wire = wire[(wire[0] + 1)..];
        }

        return text.Length == 0 ? "." : text.ToString();
    }

    /// <inheritdoc/>
    public bool Equals(DnsName? other) => other is not null && Wire.SequenceEqual(other.Wire);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DnsName);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(wire);
        return hash.ToHashCode();
    }

    /// <summary>Dotted text, for people.</summary>
    public override string ToString() => Describe(wire);

    private static DnsName Join(string text, DnsName parent)
        => TryJoin(text, parent, out var name) ? name : throw new ArgumentException("not a domain name", nameof(text));
}
