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
    private MemoryStream? kept;
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
            var part = Part();
            Keep(part, await source.ReadAsync(part, request.HttpContext.RequestAborted));
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
            var ready = kept is null ? default : kept.GetBuffer().AsSpan(read, (int)kept.Length - read);
            ready = ready[..Math.Min(ready.Length, target.Length - count)];
            ready.CopyTo(target[count..]);
            read += ready.Length;
            count += ready.Length;
            if (count == target.Length || !live || end)
            {
                return (count, (end || !live) && read == (kept?.Length ?? 0));
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
        if (kept is null)
        {
            return;
        }

        kept.Position = 0;
        request.Body = end ? kept : new JoinedStream(kept, source);
    }

    private int Room => settings.MaxBody - (int)(kept?.Length ?? 0);

    private byte[] Part() => new byte[Math.Min(Room, 16 * 1024)];

    private void Keep(byte[] part, int count)
    {
        if (count == 0)
        {
            end = true;
        }
        else
        {
            (kept ??= new MemoryStream()).Write(part, 0, count);
        }
    }

    // Only until it is known that the guest reads bodies: from then on they are read ahead. The guest cannot be suspended, so that
    // this holds a thread, for as long as a guest may run and no longer.
    private void WaitForMore()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(request.HttpContext.RequestAborted);
        limit.CancelAfter(settings.Timeout);
        try
        {
            var part = Part();
            Keep(part, source.ReadAsync(part, limit.Token).AsTask().GetAwaiter().GetResult());
        }
        catch (OperationCanceledException)
        {
            throw new GuestFaultException("the request's body did not come while the guest waited for it", StatusCodes.Status408RequestTimeout);
        }
    }
}
