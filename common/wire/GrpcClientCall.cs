using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.Wire;

/// <summary>What every call of the small gRPC client has: its request, its status, its errors.</summary>
internal static class GrpcClientCall
{
    public static HttpRequestMessage Request(Uri method, HttpContent content)
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        var message = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        message.Headers.TryAddWithoutValidation("te", "trailers");
        return message;
    }

    /// <summary>A message in its frame.</summary>
    public static byte[] Frame<T>(T message)
        where T : class, IMessage<T>
    {
        using var wire = new WireBuffer(message.CalculateSize() + 16);
        var frame = wire.BeginFrame();
        wire.Raw(message.ToByteArray());
        wire.EndFrame(frame);
        return wire.Memory.ToArray();
    }

    public static void ThrowIfRefused(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw Failure(StatusCode.Unavailable, $"the server answered HTTP {(int)response.StatusCode}");
        }

        ThrowIfFailed(response.Headers);
    }

    public static void ThrowIfFailed(HttpResponseHeaders headers)
    {
        if (headers.TryGetValues("grpc-status", out var codes)
            && int.TryParse(codes.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code != 0)
        {
            var text = headers.TryGetValues("grpc-message", out var texts) ? Uri.UnescapeDataString(texts.First()) : "";
            throw Failure((StatusCode)code, text);
        }
    }

    /// <summary>The status that an error of the connection or of the answer stands for.</summary>
    public static RpcException? Translate(Exception e)
        => e switch
        {
            HttpRequestException => new RpcException(new Status(StatusCode.Unavailable, e.InnerException?.Message ?? e.Message, e)),
            IOException => new RpcException(new Status(StatusCode.Unavailable, $"the answer broke off: {e.Message}", e)),
            WireException or InvalidProtocolBufferException => new RpcException(new Status(StatusCode.Internal, $"the answer can't be read: {e.Message}", e)),
            _ => null,
        };

    public static RpcException Failure(StatusCode code, string text) => new(new Status(code, text));
}
