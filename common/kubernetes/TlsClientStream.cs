using Org.BouncyCastle.Tls;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// BouncyCastle's TLS protocol, which only turns bytes into other bytes, as a stream: one reader and one writer at a time, beside each
/// other, none of them blocks a thread.
/// </summary>
internal sealed class TlsClientStream(Stream transport) : Stream
{
    private const int RecordBytes = 16 * 1024;

    private readonly TlsClientProtocol protocol = new();
    private readonly Lock gate = new();
    private readonly SemaphoreSlim sending = new(1);
    private readonly byte[] received = new byte[RecordBytes];

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Shakes hands.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public async Task HandshakeAsync(TlsClient client, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            protocol.Connect(client);
        }

        await SendAsync(cancellationToken);
        while (protocol.IsHandshaking)
        {
            if (!await ReceiveAsync(cancellationToken))
            {
                throw new IOException("the server hung up during the TLS handshake");
            }
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            lock (gate)
            {
                if (protocol.GetAvailableInputBytes() > 0)
                {
                    var count = Math.Min(buffer.Length, protocol.GetAvailableInputBytes());
                    var input = new byte[count];
                    count = protocol.ReadInput(input, 0, count);
                    input.AsSpan(0, count).CopyTo(buffer.Span);
                    return count;
                }

                if (protocol.IsClosed)
                {
                    return 0;
                }
            }

            if (!await ReceiveAsync(cancellationToken))
            {
                return 0;
            }
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (var rest = buffer; !rest.IsEmpty; rest = rest[Math.Min(rest.Length, RecordBytes)..])
        {
            lock (gate)
            {
                protocol.WriteApplicationData(rest.Span[..Math.Min(rest.Length, RecordBytes)]);
            }

            await SendAsync(cancellationToken);
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => transport.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override void Flush() => transport.Flush();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is read asynchronously");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("this stream is written asynchronously");

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // No farewell: a write may be under way, and what ends a connection of HTTP is not TLS.
            transport.Dispose();
        }

        base.Dispose(disposing);
    }

    // False at the end of the connection.
    private async ValueTask<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        var count = await transport.ReadAsync(received, cancellationToken);
        if (count == 0)
        {
            return false;
        }

        try
        {
            lock (gate)
            {
                protocol.OfferInput(received, 0, count);
            }
        }
        catch (IOException)
        {
            // The alert that tells the server why.
            await SendAsync(cancellationToken);
            throw;
        }

        await SendAsync(cancellationToken);
        return true;
    }

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        await sending.WaitAsync(cancellationToken);
        try
        {
            byte[] output;
            lock (gate)
            {
                output = new byte[protocol.GetAvailableOutputBytes()];
                protocol.ReadOutput(output, 0, output.Length);
            }

            if (output.Length > 0)
            {
                await transport.WriteAsync(output, cancellationToken);
            }
        }
        finally
        {
            sending.Release();
        }
    }
}
