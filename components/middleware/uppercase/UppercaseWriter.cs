namespace DaprK8s.Components.Middleware.Uppercase;

/// <summary>A response body that is upper-cased as it is written.</summary>
internal sealed class UppercaseWriter(Stream inner) : Stream
{
    private readonly byte[] buffer = new byte[8 << 10];
    private int pending;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        while (source.Length > 0)
        {
            var count = Math.Min(source.Length, buffer.Length - pending);
            source[..count].CopyTo(buffer.AsMemory(pending));
            source = source[count..];
            var end = pending + count;
            var done = UppercaseText.Convert(buffer.AsSpan(0, end));
            await inner.WriteAsync(buffer.AsMemory(0, done), cancellationToken);
            buffer.AsSpan(done, end - done).CopyTo(buffer);
            pending = end - done;
        }
    }

    /// <summary>Writes what is left of a body that ends inside a character.</summary>
    public ValueTask EndAsync(CancellationToken cancellationToken)
        => pending == 0 ? ValueTask.CompletedTask : inner.WriteAsync(buffer.AsMemory(0, pending), cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException("the body is written asynchronously");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("the body is written asynchronously");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
