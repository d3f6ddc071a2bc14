using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components;

/// <summary>
/// One step of an HTTP pipeline (contract: security 6). The same instance may stand in <c>httpPipeline</c>, where the request is
/// that of the sidecar's API, and in <c>appHttpPipeline</c>, where it is the one about to be sent to the app.
/// </summary>
public interface IHttpMiddleware : IComponent
{
    /// <summary>
    /// Answers the request itself, or passes it on (perhaps changed) by calling <paramref name="next"/> and may then change the
    /// answer. Whatever fails in here must not let the request through.
    /// </summary>
    /// <param name="context">
    /// The exchange. Path, query, headers and body of the request can be replaced before <paramref name="next"/> is called; to see
    /// or change the answer's body, replace <c>Response.Body</c> while it runs.
    /// </param>
    /// <param name="next">The rest of the pipeline.</param>
    Task InvokeAsync(HttpContext context, RequestDelegate next);
}
