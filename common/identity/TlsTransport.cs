using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Identity;

/// <summary>
/// The server's side of TLS between processes of ours, as a step of a Kestrel endpoint. Kestrel's own step tells nobody why a handshake
/// failed; here each refusal is a log line that names the peer and the reason.
/// </summary>
public sealed class TlsTransport(
    Func<PeerVerdict, CancellationToken, ValueTask<SslServerAuthenticationOptions>> handshake, bool judgesPeers, TimeProvider time, ILogger logger)
{
    // The same patience as for a request's headers.
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(10);
    private static readonly StreamPipeReaderOptions Reading = new(leaveOpen: true, useZeroByteReads: true);
    private static readonly StreamPipeWriterOptions Writing = new(leaveOpen: true);

    /// <summary>TLS with an identity of ours.</summary>
    /// <param name="identity">What to present.</param>
    /// <param name="rule">Who may connect, or <see langword="null"/> to ask for no client certificate.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For refusals.</param>
    public TlsTransport(IIdentity identity, PeerRule? rule, TimeProvider time, ILogger logger)
        : this(
            async (verdict, cancellationToken) =>
            {
                // A peer may be here before the own certificate is: it waits, as long as a handshake may take.
                var (own, anchors) = await identity.GetAsync(cancellationToken);
                return TlsRoles.Server(own, anchors, rule, verdict);
            },
            judgesPeers: rule is not null,
            time,
            logger)
    {
    }

    /// <summary>Wraps the rest of an endpoint. Its connections carry the <see cref="PeerVerdict"/> as a feature when a client certificate is demanded.</summary>
    public ConnectionDelegate Wrap(ConnectionDelegate next) => connection => ServeAsync(connection, next);

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var plain = connection.Transport;
        var verdict = new PeerVerdict();
        await using var tls = new SslStream(new DuplexPipeStream(plain.Input, plain.Output));
        if (!await ShakeHandsAsync(connection, tls, verdict))
        {
            return;
        }

        if (judgesPeers)
        {
            connection.Features.Set(verdict);
        }

        var reader = PipeReader.Create(tls, Reading);
        var writer = PipeWriter.Create(tls, Writing);
        connection.Transport = new Pipes(reader, writer);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = plain;
            await reader.CompleteAsync();
            await writer.CompleteAsync();
        }
    }

    private async Task<bool> ShakeHandsAsync(ConnectionContext connection, SslStream tls, PeerVerdict verdict)
    {
        using var limit = new CancellationTokenSource(HandshakeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, connection.ConnectionClosed);
        try
        {
            await tls.AuthenticateAsServerAsync(await handshake(verdict, either.Token), either.Token);
            return true;
        }
        catch (Exception e)
        {
            Report(connection, verdict, e, limit.IsCancellationRequested);
            return false;
        }
    }

    private void Report(ConnectionContext connection, PeerVerdict verdict, Exception exception, bool isLate)
    {
        // A dual-stack socket shows IPv4 peers in IPv6 clothes.
        var peer = connection.RemoteEndPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped
            ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port) : connection.RemoteEndPoint;
        if (verdict.Problem.Length > 0)
        {
            logger.LogWarning("Connection from {Peer} refused: {Problem}", peer, verdict.Problem);
        }
        else if (isLate)
        {
            logger.LogWarning("Connection from {Peer} refused: no TLS handshake within {Limit} s", peer, HandshakeLimit.TotalSeconds);
        }
        else if (exception is IOException or OperationCanceledException)
        {
            // Port scanners and probes come and go without a word.
            logger.LogDebug("Connection from {Peer} ended during the TLS handshake: {Problem}", peer, exception.Message);
        }
        else
        {
            logger.LogWarning(
                "Connection from {Peer} refused: no TLS, or the peer does not accept our certificate (is mTLS on there, and are its trust anchors ours?): {Problem}",
                peer, exception.InnerException?.Message ?? exception.Message);
        }
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>The connection's bytes as the stream that <see cref="SslStream"/> wants.</summary>
    private sealed class DuplexPipeStream(PipeReader input, PipeWriter output) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                var result = await input.ReadAsync(cancellationToken);
                var data = result.Buffer;
                try
                {
                    if (!data.IsEmpty)
                    {
                        var count = (int)Math.Min(data.Length, buffer.Length);
                        var part = data.Slice(0, count);
                        part.CopyTo(buffer.Span);
                        data = data.Slice(part.End);
                        return count;
                    }

                    if (result.IsCompleted || result.IsCanceled)
                    {
                        return 0;
                    }
                }
                finally
                {
                    input.AdvanceTo(data.Start);
                }
            }
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
            => await output.WriteAsync(buffer, cancellationToken);

        public override async Task FlushAsync(CancellationToken cancellationToken) => await output.FlushAsync(cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
            => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("the connection is read asynchronously");

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("the connection is written asynchronously");

        public override void Flush()
        {
            // Each write is passed on at once.
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
