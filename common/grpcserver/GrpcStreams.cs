using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.GrpcServer;

/// <summary>The client's messages of a streaming call.</summary>
internal sealed class RequestStream<T>(GrpcCall call, MessageParser<T> parser) : IAsyncStreamReader<T>
    where T : class, IMessage<T>
{
    private T? current;

    public T Current => current ?? throw new InvalidOperationException("there is no current message");

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        current = await call.ReadAsync(parser, cancellationToken);
        return current is not null;
    }
}

/// <summary>The server's messages of a streaming call.</summary>
internal sealed class ResponseStream<T>(GrpcCall call) : IServerStreamWriter<T>
    where T : class, IMessage<T>
{
    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message) => call.WriteAsync(message, call.CancellationToken).AsTask();

    // A writer that the client does not read from must be able to give up before the call ends.
    public Task WriteAsync(T message, CancellationToken cancellationToken) => call.WriteAsync(message, cancellationToken).AsTask();
}
