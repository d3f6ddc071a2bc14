using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
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
    /// <exception cref="RpcException">The call ended with another status than OK, or the server can't be reached (Unavailable).</exception>
    public static async Task<TResponse> CallAsync<TRequest, TResponse>(
        HttpMessageInvoker client, Uri method, TRequest request, MessageParser<TResponse> answers, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = Frame(request),
        };
        message.Headers.TryAddWithoutValidation("te", "trailers");
        try
        {
            using var response = await client.SendAsync(message, cancellationToken);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw Failure(StatusCode.Unavailable, $"the server answered HTTP {(int)response.StatusCode}");
            }

            ThrowIfFailed(response.Headers);
            using var frames = new FrameReader(await response.Content.ReadAsStreamAsync(cancellationToken), MaxAnswer);
            var answer = await frames.ReadAsync(cancellationToken) is { } bytes ? answers.ParseFrom(bytes.Span) : null;
            while (await frames.ReadAsync(cancellationToken) is not null)
            {
                // The status stands behind the last message.
            }

            ThrowIfFailed(response.TrailingHeaders);
            return answer ?? throw Failure(StatusCode.Internal, "the server sent no answer");
        }
        catch (HttpRequestException e)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, e.InnerException?.Message ?? e.Message, e));
        }
        catch (Exception e) when (e is WireException or InvalidProtocolBufferException or IOException)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"the answer can't be read: {e.Message}", e));
        }
    }

    private static ByteArrayContent Frame<T>(T request)
        where T : class, IMessage<T>
    {
        using var wire = new WireBuffer(request.CalculateSize() + 16);
        var frame = wire.BeginFrame();
        wire.Raw(request.ToByteArray());
        wire.EndFrame(frame);
        var content = new ByteArrayContent(wire.Memory.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return content;
    }

    private static void ThrowIfFailed(HttpResponseHeaders headers)
    {
        if (headers.TryGetValues("grpc-status", out var codes)
            && int.TryParse(codes.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code != 0)
        {
            var text = headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "";
            throw Failure((StatusCode)code, text);
        }
    }

    private static RpcException Failure(StatusCode code, string text) => new(new Status(code, text));
}
