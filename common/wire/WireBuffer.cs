using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace DaprK8s.Common.Wire;

/// <summary>
/// A pooled buffer that gRPC frames of hand-written protobuf are put together in. Lengths of nested messages are patched in
/// after their content is known, as varints padded to five bytes: any protobuf reader takes them, and nothing is measured or
/// copied twice. Used where the generated classes would cost several objects a header (the sidecar-to-sidecar hot path).
/// </summary>
public sealed class WireBuffer : IDisposable
{
    private const int LengthSize = 5;
    private const int FrameHeaderSize = 5;

    private byte[] buffer;
    private int length;

    /// <summary>Rents a buffer.</summary>
    public WireBuffer(int capacity = 2048) => buffer = ArrayPool<byte>.Shared.Rent(capacity);

    /// <summary>What was written so far.</summary>
    public ReadOnlyMemory<byte> Memory => buffer.AsMemory(0, length);

    /// <summary>Begins anew in the same buffer.</summary>
    public void Reset() => length = 0;

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<byte>.Shared.Return(Interlocked.Exchange(ref buffer, []));

    /// <summary>Begins a gRPC message frame (HTTP/2 gRPC: one byte compressed flag, four bytes length).</summary>
    public int BeginFrame()
    {
        Ensure(FrameHeaderSize);
        buffer[length] = 0;
        length += FrameHeaderSize;
        return length;
    }

    /// <summary>Ends a frame: its length is known now.</summary>
    public void EndFrame(int start) => BinaryPrimitives.WriteUInt32BigEndian(buffer.AsSpan(start - 4), (uint)(length - start));

    /// <summary>Begins a length-delimited field; end it with <see cref="EndMessage"/>.</summary>
    public int BeginMessage(int field)
    {
        Varint((uint)((field << 3) | 2));
        Ensure(LengthSize);
        length += LengthSize;
        return length;
    }

    /// <summary>Ends a field: its length is known now.</summary>
    public void EndMessage(int start)
    {
        var size = (uint)(length - start);
        var at = buffer.AsSpan(start - LengthSize, LengthSize);
        at[0] = (byte)(size | 0x80);
        at[1] = (byte)((size >> 7) | 0x80);
        at[2] = (byte)((size >> 14) | 0x80);
        at[3] = (byte)((size >> 21) | 0x80);
        at[4] = (byte)(size >> 28);
    }

    /// <summary>A text field; an empty one is left out.</summary>
    public void Text(int field, string text)
    {
        if (text.Length == 0)
        {
            return;
        }

        Varint((uint)((field << 3) | 2));
        var size = Encoding.UTF8.GetByteCount(text);
        Varint((uint)size);
        Ensure(size);
        length += Encoding.UTF8.GetBytes(text, buffer.AsSpan(length));
    }

    /// <summary>A bytes field, empty or not.</summary>
    public void Bytes(int field, ReadOnlySpan<byte> bytes)
    {
        Varint((uint)((field << 3) | 2));
        Varint((uint)bytes.Length);
        Raw(bytes);
    }

    /// <summary>A varint field; zero is left out.</summary>
    public void Number(int field, ulong value)
    {
        if (value != 0)
        {
            Varint((uint)(field << 3));
            Varint(value);
        }
    }

    /// <summary>Bytes as they are.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        Ensure(bytes.Length);
        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }

    /// <summary>Space to read into directly; commit what was read with <see cref="Advance"/>.</summary>
    public Memory<byte> Free(int atLeast)
    {
        Ensure(atLeast);
        return buffer.AsMemory(length);
    }

    /// <summary>Commits bytes that were written into <see cref="Free"/>.</summary>
    public void Advance(int count) => length += count;

    private void Varint(ulong value)
    {
        Ensure(10);
        while (value >= 0x80)
        {
            buffer[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        buffer[length++] = (byte)value;
    }

    private void Ensure(int more)
    {
        if (buffer.Length - length >= more)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(buffer.Length * 2, length + more));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }
}
