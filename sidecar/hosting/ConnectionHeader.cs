using System.Text;
using DaprK8s.Sidecar.Invocation;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>
/// Keeps the names that a request's <c>Connection</c> header lists (contract: security 4.10). Kestrel replaces the header by one
/// word as soon as all that it understands in it is <c>close</c>, <c>keep-alive</c> or <c>upgrade</c>, and the names beside that
/// word, whose headers must not be forwarded, are lost. It keeps a header with both <c>close</c> and <c>keep-alive</c>, so a line
/// with names is given both; the connection ends after such a request, as a server is free to do.
/// </summary>
/// <remarks>An encoding, because that is where Kestrel lets its user see a header first; it is asked for this header alone.</remarks>
internal sealed class ConnectionHeader : Encoding
{
    private const string Suffix = ", close, keep-alive";

    private static readonly ConnectionHeader Instance = new();

    /// <summary>For <c>RequestHeaderEncodingSelector</c>: this for the one header, Kestrel's own for all others.</summary>
    public static Encoding? Select(string name) => name == "Connection" ? Instance : null;

    public override int GetByteCount(char[] chars, int index, int count) => Latin1.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex)
        => Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => Latin1.GetMaxByteCount(charCount);

    public override int GetMaxCharCount(int byteCount) => byteCount + Suffix.Length;

    public override int GetCharCount(byte[] bytes, int index, int count) => Read(bytes.AsSpan(index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Read(bytes.AsSpan(byteIndex, byteCount));
        text.CopyTo(chars.AsSpan(charIndex));
        return text.Length;
    }

    /// <summary>The header's value as Kestrel is to see it.</summary>
    internal static string Read(ReadOnlySpan<byte> value)
    {
        if (Ascii.EqualsIgnoreCase(value, "keep-alive"))
        {
            return "keep-alive";
        }

        if (Ascii.EqualsIgnoreCase(value, "close"))
        {
            return "close";
        }

        var (kept, names) = (new StringBuilder(), false);
        foreach (var name in Latin1.GetString(value).Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            var isOption = name.Equals("close", StringComparison.OrdinalIgnoreCase) || name.Equals("keep-alive", StringComparison.OrdinalIgnoreCase);

            // What never goes further anyway is no reason to end the connection. An upgrade is not offered, and may be ignored.
            if (isOption || !HeaderRules.IsHopByHop(name))
            {
                kept.Append(kept.Length == 0 ? "" : ", ").Append(name);
                names |= !isOption;
            }
        }

        return names ? kept.Append(Suffix).ToString() : kept.ToString();
    }
}
