namespace DaprK8s.Components.Middleware.Uppercase;

/// <summary>A request body that is upper-cased as it is read.</summary>
internal sealed class UppercaseReader(Stream inner) : Stream
{
    private readonly byte[] buffer = new byte[8 << 10];
    private int next;
    private int done;
    private int end;
    private bool ended;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        while (next == done && !ended)
        {
            // The bytes of a character that was cut off come first again.
            buffer.AsSpan(done, end - done).CopyTo(buffer);
            (next, end) = (0, end - done);
            var read = await inner.ReadAsync(buffer.AsMemory(end), cancellationToken);
            end += read;
            ended = read == 0;
            done = ended ? end : UppercaseText.Convert(buffer.AsSpan(0, end));
        }

        var count = Math.Min(destination.Length, done - next);
        buffer.AsMemory(next, count).CopyTo(destination);
        next += count;
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
}
