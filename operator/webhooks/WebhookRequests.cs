using Microsoft.AspNetCore.Http;

namespace DaprK8s.Operator.Webhooks;

/// <summary>Answers the body of a review, as UTF-8 JSON; <see langword="null"/> to what is none.</summary>
internal delegate ValueTask<byte[]?> Webhook(ReadOnlyMemory<byte> body, CancellationToken cancellationToken);

/// <summary>The webhooks by path, and what they have in common: a review comes in, the review with an answer goes out.</summary>
internal sealed class WebhookRequests(IReadOnlyDictionary<string, Webhook> webhooks)
{
    // The largest object is 1.5 MB at the API server; a conversion may be of a whole page of a list.
    private const int MaxBytes = 64 * 1024 * 1024;

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!webhooks.TryGetValue(context.Request.Path.Value ?? "", out var webhook))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        if (await ReadAsync(context) is not { } body || await webhook(body, context.RequestAborted) is not { } answer)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }

    private static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > MaxBytes)
        {
            return null;
        }

        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
        {
            if (body.Length + read > MaxBytes)
            {
                return null;
            }

            body.Write(buffer, 0, read);
        }

        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
