using System.Buffers;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>An endpoint that takes no connections of its own: those of another listener that turn out to speak HTTP/2 are handed to it.</summary>
internal sealed class H2cEndPoint(string name) : EndPoint
{
    private readonly Channel<ConnectionContext> handed = Channel.CreateUnbounded<ConnectionContext>();

    public ChannelReader<ConnectionContext> Handed => handed.Reader;

    /// <summary>Hands a connection over and returns when it has ended.</summary>
    public async Task ServeAsync(ConnectionContext connection)
    {
        var served = new HandedConnection(connection);
        if (handed.Writer.TryWrite(served))
        {
            await served.Ended;
        }
    }

    public void Close() => handed.Writer.TryComplete();

    public override string ToString() => name;
}

/// <summary>
/// Lets one clear-text port speak HTTP/1.1 and HTTP/2 with prior knowledge (contract: api 1.1). Kestrel picks one of them for a
/// port without TLS, so connections that begin with the HTTP/2 preface (RFC 9113, section 3.4) are passed on to a second endpoint.
/// </summary>
internal sealed class H2cListenerFactory : IConnectionListenerFactory
{
    public bool CanBind(EndPoint endpoint) => endpoint is H2cEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        => new(new Listener((H2cEndPoint)endpoint));

    private sealed class Listener(H2cEndPoint endpoint) : IConnectionListener
    {
        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
            => await endpoint.Handed.WaitToReadAsync(cancellationToken) && endpoint.Handed.TryRead(out var connection) ? connection : null;

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            endpoint.Close();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>Looks at the first bytes of a connection.</summary>
internal static class H2cSplit
{
    // The same patience as for a request's headers (contract: api 1.1).
    private static readonly TimeSpan FirstBytes = TimeSpan.FromSeconds(10);

    private static readonly byte[] Preface = "PRI * HTTP/2.0\r\n"u8.ToArray();

    public static ConnectionDelegate Create(ConnectionDelegate http1, H2cEndPoint http2)
        => async connection =>
        {
            bool isHttp2;
            try
            {
                isHttp2 = await IsHttp2Async(connection);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client opened a connection and left, or said nothing for too long.
                return;
            }

            await (isHttp2 ? http2.ServeAsync(connection) : http1(connection));
        };

    private static async Task<bool> IsHttp2Async(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        limit.CancelAfter(FirstBytes);
        while (true)
        {
            var result = await input.ReadAsync(limit.Token);
            var seen = result.Buffer;
            var verdict = Judge(seen);
            if (verdict is not null || result.IsCompleted)
            {
                input.AdvanceTo(seen.Start);
                return verdict == true;
            }

            input.AdvanceTo(seen.Start, seen.End);
        }
    }

    // Three bytes tell a preface from every HTTP/1 method but an invented one.
    private static bool? Judge(ReadOnlySequence<byte> seen)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = (int)Math.Min(seen.Length, bytes.Length);
        seen.Slice(0, length).CopyTo(bytes);
        return !Preface.AsSpan(0, length).SequenceEqual(bytes[..length]) ? false : length == Preface.Length ? true : null;
    }
}

/// <summary>A connection on its second endpoint; tells when that one is done with it.</summary>
internal sealed class HandedConnection(ConnectionContext inner) : ConnectionContext
{
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Ended => ended.Task;

    public override string ConnectionId
    {
        get => inner.ConnectionId;
        set => inner.ConnectionId = value;
    }

    public override Microsoft.AspNetCore.Http.Features.IFeatureCollection Features => inner.Features;

    public override IDictionary<object, object?> Items
    {
        get => inner.Items;
        set => inner.Items = value;
    }

    public override System.IO.Pipelines.IDuplexPipe Transport
    {
        get => inner.Transport;
        set => inner.Transport = value;
    }

    public override CancellationToken ConnectionClosed
    {
        get => inner.ConnectionClosed;
        set => inner.ConnectionClosed = value;
    }

    public override EndPoint? LocalEndPoint
    {
        get => inner.LocalEndPoint;
        set => inner.LocalEndPoint = value;
    }

    public override EndPoint? RemoteEndPoint
    {
        get => inner.RemoteEndPoint;
        set => inner.RemoteEndPoint = value;
    }

    public override void Abort(ConnectionAbortedException abortReason) => inner.Abort(abortReason);

    public override ValueTask DisposeAsync()
    {
        // The first endpoint owns the socket; it closes it once it hears that this one is done.
        ended.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
