using System.Globalization;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Components.Middleware.RateLimit;

/// <summary>Lets each client make so many requests a second to each path (contract: security 6).</summary>
internal sealed class RateLimitMiddleware : IHttpMiddleware
{
    private const int MaxBuckets = 16_384;

    private static readonly MetadataField<double> MaxRequestsPerSecond = Field.Real(
        "maxRequestsPerSecond", "How many requests a client may make to a path in a second.", 100);

    private TokenBuckets? buckets;
    private string limit = "";

    /// <summary>How many clients and paths are being counted.</summary>
    internal int BucketCount => buckets?.Count ?? 0;

    public static ProviderDescriptor Describe()
        => new("Limits the rate of requests by client and path.", [MaxRequestsPerSecond], () => new RateLimitMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var rate = context.Metadata.Get(MaxRequestsPerSecond);
        if (!(rate > 0))
        {
            throw new ComponentMetadataException(MaxRequestsPerSecond.Name, "metadata property maxRequestsPerSecond must be a positive value");
        }

        limit = rate.ToString("0.00", CultureInfo.InvariantCulture);
        buckets = new TokenBuckets(rate, MaxBuckets);
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        Describe(context);
        return buckets!.TryTake(ClientKey.Of(context))
            ? next(context)
            : PlainAnswer.WriteAsync(context, StatusCodes.Status429TooManyRequests, "You have reached maximum request limit.");
    }

    public ValueTask DisposeAsync()
    {
        buckets = null;
        return ValueTask.CompletedTask;
    }

    private void Describe(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers["X-Rate-Limit-Limit"] = limit;
        headers["X-Rate-Limit-Duration"] = "1";
        if (context.Request.Headers["X-Forwarded-For"] is { Count: > 0 } forwarded)
        {
            headers["X-Rate-Limit-Request-Forwarded-For"] = forwarded;
        }

        if (context.Connection.RemoteIpAddress is { } address)
        {
            headers["X-Rate-Limit-Request-Remote-Addr"] = new System.Net.IPEndPoint(address, context.Connection.RemotePort).ToString();
        }
    }
}
