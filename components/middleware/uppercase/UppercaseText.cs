using System.Text;

namespace DaprK8s.Components.Middleware.Uppercase;

/// <summary>
/// Upper-cases UTF-8 piece by piece. Letters whose capital takes another number of bytes stay as they are, so that a body keeps its
/// announced length; what is no UTF-8 stays too.
/// </summary>
internal static class UppercaseText
{
    /// <summary>Changes the text in place.</summary>
    /// <returns>How many bytes are done; a character cut off at the end is left for the next piece.</returns>
    public static int Convert(Span<byte> text)
    {
        var at = 0;
        while (at < text.Length)
        {
            var rest = text[at..];
            var ascii = rest.IndexOfAnyInRange((byte)0x80, (byte)0xFF) is var end && end < 0 ? rest.Length : end;
            Ascii.ToUpperInPlace(rest[..ascii], out _);
            at += ascii;
            if (at == text.Length)
            {
                break;
            }

            rest = text[at..];
            var status = Rune.DecodeFromUtf8(rest, out var rune, out var length);
            if (status == System.Buffers.OperationStatus.NeedMoreData)
            {
                break;
            }

            if (status == System.Buffers.OperationStatus.Done && Rune.ToUpperInvariant(rune) is var upper && upper.Utf8SequenceLength == length)
            {
                upper.EncodeToUtf8(rest);
            }

            at += length;
        }

        return at;
    }
}
