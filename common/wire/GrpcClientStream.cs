using System.Net;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.Wire;

/// <summary>A call of a client-streaming gRPC method, the twin of <see cref="GrpcUnary"/>. One writer at a time.</summary>
public sealed class GrpcClientStream<T> : IDisposable
    where T : class, IMessage<T>
{
    private readonly CancellationTokenSource stop;
    private readonly Messages messages;

    private GrpcClientStream(HttpMessageInvoker client, Uri method, CancellationToken cancellationToken)
    {
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        messages = new Messages();
        Ended = RunAsync(client, GrpcClientCall.Request(method, messages), stop.Token);
    }

    /// <summary>Completes when the server has ended the call with OK; fails with <see cref="RpcException"/> when with another status, or when it broke off.</summary>
    public Task Ended { get; }

    /// <summary>Begins a call.</summary>
    /// <param name="client">Speaks HTTP/2 with prior knowledge.</param>
    /// <param name="method">The absolute address of the method.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public static GrpcClientStream<T> Open(HttpMessageInvoker client, Uri method, CancellationToken cancellationToken) => new(client, method, cancellationToken);

    /// <summary>Sends a message; waits while the server does not take it.</summary>
    /// <exception cref="RpcException">The call has ended.</exception>
    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        var written = messages.WriteAsync(GrpcClientCall.Frame(message), cancellationToken);
        await Task.WhenAny(written, Ended);
        if (!written.IsCompleted)
        {
            await Ended;
            throw GrpcClientCall.Failure(StatusCode.Unavailable, "the server has ended the call");
        }

        await written;
    }

    /// <summary>Tells the server that there is no more.</summary>
    public void Complete() => messages.Complete();

    /// <summary>Ends the call.</summary>
    public void Dispose()
    {
        stop.Cancel();
        _ = Ended.Exception; // Observed here: nobody may be waiting.
        stop.Dispose();
    }

    private static async Task RunAsync(HttpMessageInvoker client, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using (request)
            {
                using var response = await client.SendAsync(request, cancellationToken);
                GrpcClientCall.ThrowIfRefused(response);
                await response.Content.CopyToAsync(Stream.Null, cancellationToken);
                GrpcClientCall.ThrowIfFailed(response.TrailingHeaders);
            }
        }
        catch (Exception e) when (GrpcClientCall.Translate(e) is { } failure)
        {
            throw failure;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException && !cancellationToken.IsCancellationRequested)
        {
            // A connection that goes away takes a body along that is still being written.
            throw GrpcClientCall.Failure(StatusCode.Unavailable, $"the call broke off: {e.Message}");
        }
    }

    /// <summary>A request body that goes on for as long as there are messages.</summary>
    private sealed class Messages : HttpContent
    {
        private readonly Channel<(byte[] Frame, TaskCompletionSource Written)> queue = Channel.CreateBounded<(byte[], TaskCompletionSource)>(1);

        public async Task WriteAsync(byte[] frame, CancellationToken cancellationToken)
        {
            var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await queue.Writer.WriteAsync((frame, written), cancellationToken);
            await written.Task.WaitAsync(cancellationToken);
        }

        public void Complete() => queue.Writer.TryComplete();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            // The headers go out before there is a message.
            await stream.FlushAsync(cancellationToken);
            await foreach (var (frame, written) in queue.Reader.ReadAllAsync(cancellationToken))
            {
                await stream.WriteAsync(frame, cancellationToken);
                await stream.FlushAsync(cancellationToken);
                written.TrySetResult();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
