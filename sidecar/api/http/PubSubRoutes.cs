using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.Tracing;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>Publishing over HTTP (contract: api 1.10).</summary>
internal sealed class PubSubRoutes(PubSubBlock pubsub)
{
    /// <summary>The routes. Bulk publish (<c>publish/bulk/{pubsubname}/{topic...}</c>, v1.0 and v1.0-alpha1) belongs before the first.</summary>
    public IReadOnlyList<ApiRoute> Routes =>
    [
        new("POST PUT", "v1.0", "publish/{pubsubname}/{topic...}", "PublishEvent", "publish", PublishAsync),
    ];

    private async ValueTask PublishAsync(HttpContext context, RouteValues route)
    {
        var (name, topic) = (route[0], route[1]);
        var metadata = QueryMetadata.Read(context.Request);
        pubsub.Check(name, topic, metadata);

        using var body = await RequestBody.ReadAsync(context, detail => PubSubErrors.Publish(name, topic, detail));
        var request = new PublishRequest(name, topic, body.Memory)
        {
            ContentType = context.Request.ContentType ?? "",
            Metadata = metadata,
            Trace = RequestTrace.Of(context),
            Surface = PublishSurface.Http,
        };
        await pubsub.PublishAsync(request, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
