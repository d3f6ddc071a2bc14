using DaprK8s.Common.Wire;
namespace DaprK8s.Sidecar.Wire;

/// <summary>
/// The body of a streamed internal call as a stream: the payload chunks of the messages behind the leading one, their
/// sequence numbers checked (contract: messaging 5.9).
/// </summary>
internal sealed class PayloadStream(FrameReader frames, Func<ValueTask>? atEnd) : Stream
{
    private ReadOnlyMemory<byte> chunk;
    private ulong expected;
    private bool ended;

    /// <summary>Read to its end, so that nothing refers to the frames' memory any more.</summary>
    public bool IsAtEnd => Volatile.Read(ref ended);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Takes the payload that the leading message carried.</summary>
    public void Push(ReadOnlySpan<byte> payload)
    {
        var data = ReadPayload(payload, out var sequence);
        Accept(data.ToArray(), sequence);
    }

    /// <summary>Waits for the first byte or the end, and tells which it was.</summary>
    public async ValueTask<bool> HasMoreAsync(CancellationToken cancellationToken)
    {
        while (chunk.IsEmpty && !ended)
        {
            if (await frames.ReadAsync(cancellationToken) is { } message)
            {
                Take(message);
                continue;
            }

            Volatile.Write(ref ended, true);
            if (atEnd is not null)
            {
                await atEnd();
            }
        }

        return !chunk.IsEmpty;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        if (chunk.IsEmpty && !await HasMoreAsync(cancellationToken))
        {
            return 0;
        }

        var count = Math.Min(destination.Length, chunk.Length);
        chunk.Span[..count].CopyTo(destination.Span);
        chunk = chunk[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("the body is read asynchronously");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private void Take(ReadOnlyMemory<byte> message)
    {
        var reader = new WireReader(message.Span);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    if (!reader.Bytes().IsEmpty)
                    {
                        throw new WireException("request metadata found in non-leading chunk");
                    }

                    break;
                case 2:
                    var data = ReadPayload(reader.Bytes(), out var sequence);
                    message.Span.Overlaps(data, out var offset);
                    Accept(data.IsEmpty ? default : message.Slice(offset, data.Length), sequence);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void Accept(ReadOnlyMemory<byte> data, ulong sequence)
    {
        if (sequence != expected)
        {
            throw new WireException($"invalid sequence number received: {sequence} (expected: {expected})");
        }

        if (!data.IsEmpty)
        {
            expected++;
            chunk = data;
        }
    }

    // A payload without data has no number of its own.
    private ReadOnlySpan<byte> ReadPayload(ReadOnlySpan<byte> payload, out ulong sequence)
    {
        var reader = new WireReader(payload);
        ReadOnlySpan<byte> data = default;
        sequence = 0;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    data = reader.Bytes();
                    break;
                case 2:
                    sequence = reader.Number();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (data.IsEmpty)
        {
            sequence = expected;
        }

        return data;
    }
}
