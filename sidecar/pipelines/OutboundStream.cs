using System.IO.Pipelines;

namespace DaprK8s.Sidecar.Pipelines;

/// <summary>The body that handlers write; the first byte settles the head.</summary>
internal sealed class OutboundStream(OutboundAnswer answer, PipeWriter pipe) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await answer.StartAsync(cancellationToken);
        var result = await pipe.WriteAsync(buffer, cancellationToken);
        if (result.IsCompleted)
        {
            throw new IOException("nobody reads the answer any more");
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => answer.StartAsync(cancellationToken);

    public override void Flush() => throw new NotSupportedException("the body is written asynchronously");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("the body is written asynchronously");

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
