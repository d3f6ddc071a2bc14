using System.Text.RegularExpressions;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Middleware.RouterChecker;

/// <summary>
/// Lets only those requests pass whose path and query match a regular expression (contract: security 6). A path that is written in
/// a roundabout way must match in its plain form too, since that is the one which is served in the end.
/// </summary>
internal sealed class RouterCheckerMiddleware : IHttpMiddleware
{
    private static readonly MetadataField<string> Rule = Field.Text("rule", "The regular expression that path and query must match.", required: true);

    private Regex? rule;

    public static ProviderDescriptor Describe()
        => new("Refuses requests whose path does not match a regular expression.", [Rule], () => new RouterCheckerMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        rule = MiddlewareRegex.Compile(Rule.Name, context.Metadata.Get(Rule), "failed to compile rule regexp");
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
        => Passes(context.Request) ? next(context) : PlainAnswer.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid router");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool Passes(HttpRequest request)
    {
        var query = request.QueryString.Value ?? "";
        var path = WrittenPath(request);
        if (!rule!.IsMatch(path + query))
        {
            return false;
        }

        return !IsRoundabout(path) || rule.IsMatch(PlainPath.Of(path) + query);
    }

    // As the client wrote it, as long as it still is the request's path: a handler before this one may have set another.
    private static string WrittenPath(HttpRequest request)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        var end = target.IndexOf('?', StringComparison.Ordinal);
        var written = end < 0 ? target : target[..end];
        return written.StartsWith('/') && PlainPath.Of(written) == PlainPath.Of(request.Path.ToUriComponent()) ? written : request.Path.ToUriComponent();
    }

    private static bool IsRoundabout(string path)
        => path.Contains("//", StringComparison.Ordinal) || path.Contains("/.", StringComparison.Ordinal)
            || path.Contains("%2e", StringComparison.OrdinalIgnoreCase) || path.Contains("%2f", StringComparison.OrdinalIgnoreCase)
            || path.Contains("%25", StringComparison.Ordinal);
}
