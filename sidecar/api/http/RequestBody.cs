using System.Buffers;
using DaprK8s.Sidecar.Errors;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// A whole request body in memory, for the APIs that need it so. The buffer is rented: dispose it once nothing refers to
/// <see cref="Memory"/> any more. The size limit of <c>--max-body-size</c> is a feature of the request, set by the surface.
/// </summary>
internal readonly struct RequestBody : IDisposable
{
    private readonly byte[]? rented;

    private RequestBody(byte[] rented, int length)
    {
        this.rented = rented;
        Memory = rented.AsMemory(0, length);
    }

    public ReadOnlyMemory<byte> Memory { get; }

    /// <summary>Reads the body to its end.</summary>
    /// <param name="context">The request.</param>
    /// <param name="onError">Makes the API's own error of a body that is too large or breaks off.</param>
    public static async ValueTask<RequestBody> ReadAsync(HttpContext context, Func<string, DaprError> onError)
    {
        var limit = context.Features.Get<BodyLimit>()?.Bytes ?? long.MaxValue;
        var announced = context.Request.ContentLength;
        if (announced > limit)
        {
            throw onError(CommonErrors.StreamTooLarge).ToException();
        }

        if (announced == 0)
        {
            return default;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(announced ?? 4096, 64 << 10));
        var length = 0;
        try
        {
            while (true)
            {
                if (length == buffer.Length)
                {
                    buffer = Grow(buffer);
                }

                var read = await context.Request.Body.ReadAsync(buffer.AsMemory(length), context.RequestAborted);
                if (read == 0)
                {
                    return new RequestBody(buffer, length);
                }

                length += read;
                if (length > limit)
                {
                    throw onError(CommonErrors.StreamTooLarge).ToException();
                }
            }
        }
        catch (Exception e) when (e is IOException or BadHttpRequestException)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw onError(e.Message).ToException(e);
        }
    }

    public void Dispose()
    {
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static byte[] Grow(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}

/// <summary>The most bytes that a request's body may have.</summary>
internal sealed record BodyLimit(long Bytes);
