namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>One stream after another, for reading.</summary>
internal sealed class JoinedStream(Stream first, Stream second) : Stream
{
    private Stream current = first;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await current.ReadAsync(buffer, cancellationToken);
        if (count > 0 || current == second || buffer.Length == 0)
        {
            return count;
        }

        current = second;
        return await current.ReadAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count)
    {
        var read = current.Read(buffer, offset, count);
        if (read > 0 || current == second || count == 0)
        {
            return read;
        }

        current = second;
        return current.Read(buffer, offset, count);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
