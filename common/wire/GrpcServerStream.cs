using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.Wire;

/// <summary>A call of a server-streaming gRPC method, the twin of <see cref="GrpcUnary"/>. One reader at a time.</summary>
public sealed class GrpcServerStream<T> : IDisposable
    where T : class, IMessage<T>
{
    private readonly MessageParser<T> parser;
    private readonly int maxMessageBytes;
    private readonly CancellationTokenSource stop;
    private readonly Task<HttpResponseMessage> answer;
    private FrameReader? frames;

    private GrpcServerStream(HttpMessageInvoker client, HttpRequestMessage request, MessageParser<T> parser, int maxMessageBytes, CancellationToken cancellationToken)
    {
        (this.parser, this.maxMessageBytes) = (parser, maxMessageBytes);
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        answer = SendAsync(client, request, stop.Token);
    }

    /// <summary>
    /// Completes when the server has answered, with or without a message: not every server does before it has one. Fails with
    /// <see cref="RpcException"/> when it refused, or can't be reached.
    /// </summary>
    public Task Answered => answer;

    /// <summary>Sends the request; it does not wait for the answer.</summary>
    /// <param name="client">Speaks HTTP/2 with prior knowledge.</param>
    /// <param name="method">The absolute address of the method.</param>
    /// <param name="request">The message.</param>
    /// <param name="parser">Reads the server's messages.</param>
    /// <param name="maxMessageBytes">The most bytes that one of them may have.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public static GrpcServerStream<T> Open<TRequest>(
        HttpMessageInvoker client, Uri method, TRequest request, MessageParser<T> parser, int maxMessageBytes, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        => new(client, GrpcClientCall.Request(method, new ByteArrayContent(GrpcClientCall.Frame(request))), parser, maxMessageBytes, cancellationToken);

    /// <summary>The next message, or <see langword="null"/> when the server has ended the call with OK.</summary>
    /// <exception cref="RpcException">It ended with another status, or broke off (Unavailable).</exception>
    public async Task<T?> NextAsync()
    {
        try
        {
            var response = await answer;
            frames ??= new FrameReader(await response.Content.ReadAsStreamAsync(stop.Token), maxMessageBytes);
            if (await frames.ReadAsync(stop.Token) is { } bytes)
            {
                return parser.ParseFrom(bytes.Span);
            }

            GrpcClientCall.ThrowIfFailed(response.TrailingHeaders);
            return null;
        }
        catch (Exception e) when (GrpcClientCall.Translate(e) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>Ends the call.</summary>
    public void Dispose()
    {
        stop.Cancel();
        if (answer.IsCompletedSuccessfully)
        {
            answer.Result.Dispose();
        }

        stop.Dispose();
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker client, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using (request)
            {
                var response = await client.SendAsync(request, cancellationToken);
                GrpcClientCall.ThrowIfRefused(response);
                return response;
            }
        }
        catch (Exception e) when (GrpcClientCall.Translate(e) is { } failure)
        {
            throw failure;
        }
    }
}
