using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>One request as a guest sees it, from <c>handle_request</c> to <c>handle_response</c>.</summary>
internal sealed class Exchange(HttpContext context, WasmSettings settings, GuestFeatures features)
{
    private RequestBody? requestBody;
    private BoundedBuffer? requestWritten;
    private BoundedBuffer? response;
    private BoundedBuffer? produced;
    private int producedRead;
    private bool responseReplaced;
    private IHttpResponseBodyFeature? original;
    private StreamResponseBodyFeature? held;

    public HttpContext Context => context;

    public GuestFeatures Features { get; set; } = features;

    /// <summary>What comes next has run (or failed): the request is over.</summary>
    public bool AfterNext { get; private set; }

    /// <summary>The guest has asked for the request's body.</summary>
    public bool ReadsRequestBody { get; private set; }

    private RequestBody RequestBody => requestBody ??= new RequestBody(context.Request, settings);

    /// <summary>Reads the request's body ahead of the guest.</summary>
    public ValueTask ReadAheadAsync() => RequestBody.ReadAheadAsync();

    public (int Count, bool End) ReadRequest(Span<byte> target)
    {
        if (AfterNext)
        {
            Require(GuestFeatures.BufferRequest, "read the request's body");
        }

        ReadsRequestBody = true;
        return RequestBody.Read(target, live: !AfterNext);
    }

    public void WriteRequest(ReadOnlySpan<byte> bytes)
    {
        RequireBeforeNext("write the request's body");
        (requestWritten ??= new BoundedBuffer(settings.MaxBody)).Write(bytes);
    }

    public (int Count, bool End) ReadResponse(Span<byte> target)
    {
        Require(GuestFeatures.BufferResponse, "read the response's body");
        var rest = produced is null ? default : produced.Written.Span[producedRead..];
        var count = Math.Min(rest.Length, target.Length);
        rest[..count].CopyTo(target);
        producedRead += count;
        return (count, count == rest.Length);
    }

    public void WriteResponse(ReadOnlySpan<byte> bytes)
    {
        RequireResponseOpen("write the response's body");
        if (AfterNext && !responseReplaced)
        {
            responseReplaced = true;
            response = null;
        }

        (response ??= new BoundedBuffer(settings.MaxBody)).Write(bytes);
    }

    public int GetStatus()
    {
        Require(GuestFeatures.BufferResponse, "read the status");
        return context.Response.StatusCode;
    }

    public void SetStatus(int status)
    {
        RequireResponseOpen("set the status");
        context.Response.StatusCode = status is >= 200 and <= 999 ? status : throw new GuestFaultException($"the guest set the status {status}");
    }

    public void RequireBeforeNext(string what)
    {
        if (AfterNext)
        {
            throw new GuestFaultException($"the guest cannot {what} after the request has gone on");
        }
    }

    public void RequireResponseOpen(string what)
    {
        if (AfterNext)
        {
            Require(GuestFeatures.BufferResponse, what);
        }
    }

    /// <summary>Sends what the guest answered by itself.</summary>
    public async Task AnswerAsync()
    {
        if (response is not null && HasBody(context.Response.StatusCode))
        {
            context.Response.ContentLength = response.Length;
            await context.Response.Body.WriteAsync(response.Written, context.RequestAborted);
        }
    }

    /// <summary>Gives what comes next the request as the guest left it, and holds its response back if the guest wants to see it.</summary>
    public async Task BeforeNextAsync()
    {
        if (requestWritten is not null)
        {
            requestWritten.Position = 0;
            context.Request.Body = requestWritten;
            context.Request.Headers.TransferEncoding = default;
            context.Request.ContentLength = requestWritten.Length;
        }
        else
        {
            requestBody?.PutBack();
        }

        if (Features.HasFlag(GuestFeatures.BufferResponse))
        {
            original = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
            response ??= new BoundedBuffer(settings.MaxBody);
            held = new StreamResponseBodyFeature(response, original);
            context.Features.Set<IHttpResponseBodyFeature>(held);
        }
        else if (response is not null)
        {
            await context.Response.Body.WriteAsync(response.Written, context.RequestAborted);
        }
    }

    /// <summary>Takes the response back from what came next.</summary>
    public async Task AfterNextAsync(bool failed)
    {
        AfterNext = true;
        if (held is null)
        {
            return;
        }

        try
        {
            if (!failed)
            {
                await held.CompleteAsync();
            }
        }
        finally
        {
            context.Features.Set(original);
            produced = response;
        }

        if (!failed && response!.Overflowed)
        {
            throw new GuestFaultException($"the response is larger than {settings.MaxBody} bytes (maxBodySize)");
        }
    }

    /// <summary>Sends a response that was held back.</summary>
    public async Task ReleaseAsync()
    {
        if (held is null)
        {
            return;
        }

        var status = context.Response.StatusCode;
        if (status == StatusCodes.Status204NoContent)
        {
            context.Response.ContentLength = null;
        }
        else if (responseReplaced)
        {
            context.Response.ContentLength = response!.Length;
        }

        if (response!.Length > 0 && HasBody(status))
        {
            await context.Response.Body.WriteAsync(response.Written, context.RequestAborted);
        }
    }

    private bool HasBody(int status)
        => status is not (StatusCodes.Status204NoContent or StatusCodes.Status304NotModified) && !HttpMethods.IsHead(context.Request.Method);

    private void Require(GuestFeatures feature, string what)
    {
        if (!Features.HasFlag(feature))
        {
            throw new GuestFaultException($"the guest cannot {what} without the feature {feature}");
        }
    }
}
