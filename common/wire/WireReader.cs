using System.Text;

namespace DaprK8s.Common.Wire;

/// <summary>A peer sent bytes that are no message of the contract.</summary>
public sealed class WireException(string message) : Exception(message);

/// <summary>Reads protobuf fields from a span, bounds checked; every deviation is a <see cref="WireException"/>.</summary>
public ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> bytes = bytes;
    private int at;

    /// <summary>The number of the field that <see cref="Next"/> found.</summary>
    public int Field { get; private set; }

    private int WireType { get; set; }

    /// <summary>Moves to the next field.</summary>
    public bool Next()
    {
        if (at == bytes.Length)
        {
            return false;
        }

        var tag = Varint();
        Field = (int)Math.Min(tag >> 3, int.MaxValue);
        WireType = (int)(tag & 7);
        return Field != 0 ? true : throw new WireException("a field number is zero");
    }

    /// <summary>The value of a varint field.</summary>
    public ulong Number() => WireType == 0 ? Varint() : throw new WireException($"field {Field} is not a number");

    /// <summary>The value of a length-delimited field.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        if (WireType != 2)
        {
            throw new WireException($"field {Field} is not length-delimited");
        }

        var size = Varint();
        if (size > (ulong)(bytes.Length - at))
        {
            throw new WireException($"field {Field} is longer than its message");
        }

        var value = bytes.Slice(at, (int)size);
        at += (int)size;
        return value;
    }

    /// <summary>The value of a text field.</summary>
    public string Text() => Encoding.UTF8.GetString(Bytes());

    /// <summary>Passes over the value of a field.</summary>
    public void Skip()
    {
        switch (WireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                Advance(8);
                break;
            case 2:
                Bytes();
                break;
            case 5:
                Advance(4);
                break;
            default:
                throw new WireException($"field {Field} has an unknown wire type");
        }
    }

    private void Advance(int count)
    {
        if (bytes.Length - at < count)
        {
            throw new WireException($"field {Field} is cut off");
        }

        at += count;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at == bytes.Length)
            {
                throw new WireException("a number is cut off");
            }

            var b = bytes[at++];
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw new WireException("a number is too long");
    }
}
