using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// The body of a request under the eyes of a guest. What was read is kept and put back in front of the rest, up to the limit; past it
/// the guest cannot read, and a body that it does not read flows on as it comes.
/// </summary>
internal sealed class RequestBody
{
    private readonly HttpRequest request;
    private readonly WasmSettings settings;
    private readonly Stream source;
    private readonly ArrayBufferWriter<byte> kept = new();
    private int read;
    private bool end;

    public RequestBody(HttpRequest request, WasmSettings settings)
    {
        this.request = request;
        this.settings = settings;
        source = request.Body;
        end = request.ContentLength == 0 || request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };
    }

    public async ValueTask ReadAheadAsync()
    {
        while (!end && Room > 0)
        {
            Keep(await source.ReadAsync(Part(), request.HttpContext.RequestAborted));
        }
    }

    /// <summary>Fills the target, unless the body ends before.</summary>
    /// <param name="target">A piece of the guest's memory.</param>
    /// <param name="live">What has not come yet may be waited for.</param>
    public (int Count, bool End) Read(Span<byte> target, bool live)
    {
        var count = 0;
        while (true)
        {
            var ready = kept.WrittenSpan[read..];
            ready = ready[..Math.Min(ready.Length, target.Length - count)];
            ready.CopyTo(target[count..]);
            read += ready.Length;
            count += ready.Length;
            if (count == target.Length || !live || end)
            {
                return (count, (end || !live) && read == kept.WrittenCount);
            }

            if (Room == 0)
            {
                throw new GuestFaultException(
                    $"the guest reads on after {settings.MaxBody} bytes of the request's body (maxBodySize)", StatusCodes.Status413PayloadTooLarge);
            }

            WaitForMore();
        }
    }

    /// <summary>Makes the body readable from its start for what comes next.</summary>
    public void PutBack()
    {
        if (kept.WrittenCount > 0 && MemoryMarshal.TryGetArray(kept.WrittenMemory, out var bytes))
        {
            var start = new MemoryStream(bytes.Array!, bytes.Offset, bytes.Count, writable: false);
            request.Body = end ? start : new JoinedStream(start, source);
        }
    }

    private int Room => settings.MaxBody - kept.WrittenCount;

    private Memory<byte> Part() => kept.GetMemory() is var memory && memory.Length > Room ? memory[..Room] : memory;

    private void Keep(int count)
    {
        kept.Advance(count);
        end = count == 0;
    }

    // Only until it is known that the guest reads bodies: from then on they are read ahead. The guest cannot be suspended, so that
    // this holds a thread, for as long as a guest may run and no longer.
    private void WaitForMore()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
        limit.CancelAfter(settings.Timeout);
        try
        {
            Keep(source.ReadAsync(Part(), limit.Token).AsTask().GetAwaiter().GetResult());
        }
        catch (OperationCanceledException)
        {
            throw new GuestFaultException("the request's body did not come while the guest waited for it", StatusCodes.Status408RequestTimeout);
        }
    }
}
