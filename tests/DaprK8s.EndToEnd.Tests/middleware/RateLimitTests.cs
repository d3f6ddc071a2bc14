using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Middleware;

/// <summary>The rate limiter in front of the API.</summary>
public sealed class RateLimitTests
{
    [Fact]
    public async Task Too_many_requests_are_answered_with_429_and_the_limit()
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(
            app: app, config: Pipelines.OfApi(("limit", "ratelimit")), resources: Pipelines.Component("limit", "ratelimit", ("maxRequestsPerSecond", "0.001")))
            .StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("dapr initialized");

        using var first = await SendAsync("one");
        using var second = await SendAsync("one", "1.2.3.4");
        using var other = await SendAsync("two");

        Assert.Equal([200, 429, 200], new[] { first, second, other }.Select(r => (int)r.StatusCode));
        Assert.Equal("You have reached maximum request limit.", await second.Content.ReadAsStringAsync());
        Assert.Equal("text/plain; charset=utf-8", second.Content.Headers.ContentType?.ToString());
        Assert.Equal("0.00", second.Headers.GetValues("X-Rate-Limit-Limit").Single());
        Assert.Equal("1", second.Headers.GetValues("X-Rate-Limit-Duration").Single());
        Assert.Equal("1.2.3.4", second.Headers.GetValues("X-Rate-Limit-Request-Forwarded-For").Single());
        Assert.StartsWith("127.0.0.1:", second.Headers.GetValues("X-Rate-Limit-Request-Remote-Addr").Single(), StringComparison.Ordinal);
        Assert.Single(app.To("/one"));

        Task<HttpResponseMessage> SendAsync(string method, string? forwardedFor = null)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, $"/v1.0/invoke/{daprd.AppId}/method/{method}");
            if (forwardedFor is not null)
            {
                request.Headers.Add("X-Forwarded-For", forwardedFor);
            }

            return daprd.Http.SendAsync(request);
        }
    }
}
