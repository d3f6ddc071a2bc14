using DaprK8s.Sidecar.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>
/// A request that comes out of <c>httpPipeline</c>. Whatever path a handler left is the one that is routed, parsed as an invocation
/// and counted.
/// </summary>
internal sealed class RoutedRequest : PipelineEnd
{
    private readonly Func<string, string, ValueTask> answer;
    private readonly PathString before;
    private readonly Stream body;
    private string raw;
    private string path;

    /// <param name="context">The request as it came.</param>
    /// <param name="raw">Its path as written.</param>
    /// <param name="path">The same, cleaned.</param>
    /// <param name="answer">Answers it, given both forms of its path.</param>
    public RoutedRequest(HttpContext context, string raw, string path, Func<string, string, ValueTask> answer)
    {
        this.answer = answer;
        this.raw = raw;
        this.path = path;
        before = context.Request.Path;
        body = context.Request.Body;
    }

    /// <summary>The path that was routed, or the given one when the request never got that far.</summary>
    public static string PathOf(HttpContext context, string path)
        => context.Features.Get<PipelineEnd>() is RoutedRequest routed ? routed.path : path;

    public override Task ContinueAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.Path != before)
        {
            raw = request.Path.HasValue ? request.Path.ToUriComponent() : "/";
            path = RequestPath.Clean(raw);
        }

        if (request.Body != body)
        {
            context.Features.Set<IHttpRequestBodyDetectionFeature>(HasBody.Instance);
        }

        return answer(raw, path).AsTask();
    }

    // The server's own word is about the body that came.
    private sealed class HasBody : IHttpRequestBodyDetectionFeature
    {
        public static readonly HasBody Instance = new();

        public bool CanHaveBody => true;
    }
}
