using DaprK8s.Sidecar.Pipelines;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>Where requests of the HTTP surface go; a request keeps to the one that it started with.</summary>
/// <param name="Router">The routes that the API access list allows.</param>
/// <param name="PublicRouter">Those of the public port.</param>
/// <param name="Invocation">What no route takes; <see langword="null"/> when the access list closes it.</param>
/// <param name="Pipeline">What a request passes before; usually nothing.</param>
internal sealed record HttpRoad(ApiRouter Router, ApiRouter PublicRouter, InvocationEndpoint? Invocation, HttpPipeline? Pipeline);

/// <summary>The road under the Configuration that counts; built once for each.</summary>
internal sealed class LiveHttpRoad(Live<SidecarConfiguration> configuration, IReadOnlyList<ApiRoute> routes, InvocationEndpoint invocation)
    : Live<HttpRoad>
{
    private volatile Built? built;

    public override HttpRoad Value
    {
        get
        {
            var now = configuration.Value;
            return built is { } known && ReferenceEquals(known.Configuration, now) ? known.Road : Build(now);
        }
    }

    // Two requests may both build it; either result is right.
    private HttpRoad Build(SidecarConfiguration now)
    {
        var allowed = routes.Where(now.HttpAccess.Allows).ToArray();
        var servesInvocation = now.HttpAccess.Allows(new ApiRoute("*", "v1.0", "invoke/*", "InvokeService", "invoke", null!));
        var road = new HttpRoad(
            new ApiRouter(allowed), new ApiRouter(allowed.Where(r => r.IsPublic)), servesInvocation ? invocation : null, now.HttpPipeline);
        built = new Built(now, road);
        return road;
    }

    private sealed record Built(SidecarConfiguration Configuration, HttpRoad Road);
}
