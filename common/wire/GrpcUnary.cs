using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.Wire;

/// <summary>
/// One unary gRPC call over a kept HTTP/2 connection. For the few small calls between processes of ours; a whole client library would cost
/// each sidecar more memory than its identity is worth.
/// </summary>
public static class GrpcUnary
{
    private const int MaxAnswer = 4 << 20;

    /// <summary>Calls a method.</summary>
    /// <param name="client">Speaks HTTP/2 with prior knowledge.</param>
    /// <param name="method">The absolute address of the method.</param>
    /// <param name="request">The message.</param>
    /// <param name="answers">Reads the answer.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <param name="maxAnswerBytes">The most bytes that the answer may have.</param>
    /// <exception cref="RpcException">
    /// The call ended with another status than OK, or the server can't be reached or broke off (Unavailable).
    /// </exception>
    public static async Task<TResponse> CallAsync<TRequest, TResponse>(
        HttpMessageInvoker client, Uri method, TRequest request, MessageParser<TResponse> answers, CancellationToken cancellationToken,
        int maxAnswerBytes = MaxAnswer)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        try
        {
            using var message = GrpcClientCall.Request(method, new ByteArrayContent(GrpcClientCall.Frame(request)));
            using var response = await client.SendAsync(message, cancellationToken);
            GrpcClientCall.ThrowIfRefused(response);
            using var frames = new FrameReader(await response.Content.ReadAsStreamAsync(cancellationToken), maxAnswerBytes);
            var answer = await frames.ReadAsync(cancellationToken) is { } bytes ? answers.ParseFrom(bytes.Span) : null;
            while (await frames.ReadAsync(cancellationToken) is not null)
            {
                // The status stands behind the last message.
            }

            GrpcClientCall.ThrowIfFailed(response.TrailingHeaders);
            return answer ?? throw GrpcClientCall.Failure(StatusCode.Internal, "the server sent no answer");
        }
        catch (Exception e) when (GrpcClientCall.Translate(e) is { } failure)
        {
            throw failure;
        }
    }
}
