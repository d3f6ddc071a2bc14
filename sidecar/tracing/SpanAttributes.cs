using DaprK8s.Sidecar.Api.Http;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>The attributes of HTTP API spans (contract: operations 5.9); nothing is computed for a span that isn't recorded.</summary>
internal static class SpanAttributes
{
    public static void OfRequest(Span span, HttpContext context, string path)
    {
        if (!span.IsRecorded)
        {
            return;
        }

        var request = context.Request;
        span.Set("dapr.protocol", "http");
        span.Set("dapr.api", $"{request.Method} {path}");
        span.Set("http.request.method", request.Method);
        span.Set("url.full", path + request.QueryString.Value);
        span.Set("server.address", context.Connection.RemoteIpAddress?.ToString());
        span.Set("server.port", context.Connection.RemotePort);
        foreach (var (name, values) in request.Headers)
        {
            if (name.StartsWith("dapr-", StringComparison.OrdinalIgnoreCase) && !name.Contains("token", StringComparison.OrdinalIgnoreCase))
            {
                span.Set(name.ToLowerInvariant(), values.Count > 0 ? values[^1] : "");
            }
        }
    }

    public static void OfRoute(Span span, HttpContext context, RouteValues values, string path)
    {
        if (!span.IsRecorded)
        {
            return;
        }

        span.Set("rpc.service", "Dapr");
        switch (values.Route.Group)
        {
            case "state" or "secrets" or "bindings":
                span.Set("db.system", values.Route.Group);
                span.Set("db.name", values[0]);
                span.Set("db.statement", $"{context.Request.Method} {path}");
                span.Set("db.connection_string", values.Route.Group);
                break;
            case "publish":
                span.Set("messaging.system", "pubsub");
                span.Set("messaging.destination.name", values[1]);
                break;
        }
    }

    public static void OfInvocation(Span span, string target, string method)
    {
        if (span.Activity is not { } activity)
        {
            return;
        }

        activity.DisplayName = $"CallLocal/{target}/{method}";
        span.Set("rpc.service", "ServiceInvocation");
        span.Set("net.peer.name", target);
        span.Set("dapr.invoke_method", method);
    }
}
