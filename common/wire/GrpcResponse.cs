using System.Globalization;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Common.Wire;

/// <summary>Answers a gRPC call whose messages this sidecar frames by itself.</summary>
public static class GrpcResponse
{
    private const string ContentType = "application/grpc";

    /// <summary>Writes framed bytes and flushes them; the headers go out with the first.</summary>
    public static ValueTask WriteAsync(HttpContext context, ReadOnlyMemory<byte> frames, CancellationToken cancellationToken)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = ContentType;
        }

        return new ValueTask(context.Response.Body.WriteAsync(frames, cancellationToken).AsTask());
    }

    /// <summary>Ends the call with a status: in the trailers, or in the headers when nothing was written yet.</summary>
    public static async ValueTask EndAsync(HttpContext context, StatusCode code, string message)
    {
        var number = ((int)code).ToString(CultureInfo.InvariantCulture);
        if (context.Response.HasStarted)
        {
            context.Response.AppendTrailer("grpc-status", number);
            if (message.Length > 0)
            {
                context.Response.AppendTrailer("grpc-message", Escape(message));
            }

            await context.Response.CompleteAsync();
            return;
        }

        context.Response.StatusCode = 200;
        context.Response.ContentType = ContentType;
        context.Response.Headers["grpc-status"] = number;
        if (message.Length > 0)
        {
            context.Response.Headers["grpc-message"] = Escape(message);
        }
    }

    /// <summary>Percent-encodes a status message (gRPC over HTTP/2, "Status-Message").</summary>
    public static string Escape(string message)
    {
        if (message.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0 && !message.Contains('%'))
        {
            return message;
        }

        var text = new StringBuilder(message.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }
}
