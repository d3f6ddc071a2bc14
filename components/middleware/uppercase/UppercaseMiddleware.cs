using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Middleware.Uppercase;

/// <summary>Upper-cases bodies while they stream: a way to see that a pipeline works, and in which order (contract: security 6).</summary>
internal sealed class UppercaseMiddleware : IHttpMiddleware
{
    private static readonly MetadataField<string> Direction = Field.Choice(
        "direction", "Which bodies are changed.", "request", "request", "response", "both");

    private bool request;
    private bool response;

    public static ProviderDescriptor Describe() => new("Upper-cases bodies.", [Direction], () => new UppercaseMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var direction = context.Metadata.Get(Direction) is { Length: > 0 } given ? given : Direction.Default;
        (request, response) = (direction != "response", direction != "request");
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (request && HasBody(context))
        {
            context.Request.Body = new UppercaseReader(context.Request.Body);
        }

        return response ? WithResponseAsync(context, next) : next(context);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // A request without a body must not get an empty one of unknown length.
    private static bool HasBody(HttpContext context)
        => context.Request.Body != Stream.Null && context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false };

    private static async Task WithResponseAsync(HttpContext context, RequestDelegate next)
    {
        var body = context.Response.Body;
        var upper = new UppercaseWriter(body);
        context.Response.Body = upper;
        try
        {
            await next(context);
            await upper.EndAsync(context.RequestAborted);
        }
        finally
        {
            context.Response.Body = body;
        }
    }
}
