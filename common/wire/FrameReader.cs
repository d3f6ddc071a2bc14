using System.Buffers;
using System.Buffers.Binary;

namespace DaprK8s.Common.Wire;

/// <summary>
/// Reads gRPC message frames from a stream into one pooled buffer. The memory of a frame is valid until the next read.
/// Disposing gives the buffer back: not while a read may be under way or a frame in use, in which case it is left to the collector.
/// </summary>
public sealed class FrameReader(Stream source, long maxMessageBytes) : IDisposable
{
    private const int HeaderSize = 5;

    // A length is only a claim until the bytes are there: memory for more than this is taken as they come.
    private const int TrustedSize = 128 << 10;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
    private int start;
    private int end;

    /// <summary>The next message, or <see langword="null"/> at the end of the stream.</summary>
    /// <exception cref="WireException">The frame is compressed, too large or cut off.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        if (!await FillAsync(HeaderSize, cancellationToken))
        {
            return end == start ? null : throw new WireException("the stream ends inside a frame header");
        }

        var header = buffer.AsSpan(start, HeaderSize);
        if (header[0] != 0)
        {
            throw new WireException("compressed messages are not supported");
        }

        var size = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (size > maxMessageBytes || size > Array.MaxLength - HeaderSize)
        {
            throw new WireException($"received message larger than max ({size} vs. {maxMessageBytes})");
        }

        start += HeaderSize;
        if (!await FillAsync((int)size, cancellationToken))
        {
            throw new WireException("the stream ends inside a message");
        }

        var message = buffer.AsMemory(start, (int)size);
        start += (int)size;
        return message;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(Interlocked.Exchange(ref buffer, []));
        (start, end) = (0, 0);
    }

    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellationToken)
    {
        if (end - start >= count)
        {
            return true;
        }

        Compact(Math.Min(count, TrustedSize));
        while (end - start < count)
        {
            if (end == buffer.Length)
            {
                Compact((int)Math.Min(count, 2L * buffer.Length));
            }

            var read = await source.ReadAsync(buffer.AsMemory(end), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            end += read;
        }

        return true;
    }

    private void Compact(int count)
    {
        var held = end - start;
        if (buffer.Length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(count);
            buffer.AsSpan(start, held).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
        else if (start > 0)
        {
            buffer.AsSpan(start, held).CopyTo(buffer);
        }

        (start, end) = (0, held);
    }
}
