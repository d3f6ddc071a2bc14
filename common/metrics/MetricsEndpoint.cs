using DaprK8s.Common.Metrics;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Common.Metrics;

/// <summary><c>GET /metrics</c> in Prometheus' text form, version 0.0.4.</summary>
public sealed class MetricsEndpoint(MetricsRegistry registry)
{
    /// <summary>Whether metrics are served on any path, as control-plane services do (contract: k8s 2.3).</summary>
    public bool AnyPath { get; init; }

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = 405;
            return;
        }

        if (!AnyPath && context.Request.Path.Value is not ("/metrics" or "/"))
        {
            context.Response.StatusCode = 404;
            return;
        }

        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await registry.WriteAsync(context.Response.Body, context.RequestAborted);
    }
}
