using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware;

/// <summary>The answer of a middleware that does not let a request through: a status and one line of text.</summary>
internal static class PlainAnswer
{
    public static Task WriteAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>500 without a word on the reason, which is in the log.</summary>
    public static Task FailedAsync(HttpContext context) => WriteAsync(context, StatusCodes.Status500InternalServerError, "Internal Server Error");
}
