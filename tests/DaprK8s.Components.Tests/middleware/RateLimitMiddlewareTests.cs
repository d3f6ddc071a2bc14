using DaprK8s.Components.Metadata;
using DaprK8s.Components.Middleware.RateLimit;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class RateLimitMiddlewareTests
{
    // One request, and the next after a quarter of an hour.
    private const string Slow = "0.001";

    [Fact]
    public async Task What_is_too_much_is_answered_with_429_and_the_limit()
    {
        await using var middleware = await LimitAsync(Slow);

        var first = await SendAsync(middleware, "10.0.0.1", "/a");
        var second = await SendAsync(middleware, "10.0.0.1", "/a", ("X-Forwarded-For", "1.2.3.4"));

        Assert.True(first.Passed);
        Assert.False(second.Passed);
        Assert.Equal(429, second.Status);
        Assert.Equal("You have reached maximum request limit.", second.Answer);
        Assert.Equal("text/plain; charset=utf-8", second.Context.Response.ContentType);
        var headers = second.Context.Response.Headers;
        Assert.Equal("0.00", headers["X-Rate-Limit-Limit"]);
        Assert.Equal("1", headers["X-Rate-Limit-Duration"]);
        Assert.Equal("1.2.3.4", headers["X-Rate-Limit-Request-Forwarded-For"]);
        Assert.Equal("10.0.0.1:0", headers["X-Rate-Limit-Request-Remote-Addr"]);
    }

    [Fact]
    public async Task Each_client_and_each_path_counts_for_itself()
    {
        await using var middleware = await LimitAsync(Slow);

        Assert.True((await SendAsync(middleware, "10.0.0.1", "/a")).Passed);
        Assert.True((await SendAsync(middleware, "10.0.0.1", "/b")).Passed);
        Assert.True((await SendAsync(middleware, "10.0.0.2", "/a")).Passed);
        Assert.False((await SendAsync(middleware, "10.0.0.2", "/a?q=other")).Passed);
    }

    [Fact]
    public async Task No_one_gets_a_second_bucket_by_writing_things_differently()
    {
        await using var middleware = await LimitAsync(Slow);
        await SendAsync(middleware, "10.0.0.1", "/a/b");
        await SendAsync(middleware, "2001:db8::1", "/a/b");

        Assert.False((await SendAsync(middleware, "10.0.0.1", "/a//b")).Passed);
        Assert.False((await SendAsync(middleware, "10.0.0.1", "/a%2Fb")).Passed);
        Assert.False((await SendAsync(middleware, "10.0.0.1", "/a/./b/")).Passed);
        Assert.False((await SendAsync(middleware, "10.0.0.1", "/a/b", ("X-Forwarded-For", "9.9.9.9"))).Passed);
        Assert.False((await SendAsync(middleware, "10.0.0.1", "/a/b", ("X-Real-IP", "9.9.9.9"))).Passed);
        Assert.False((await SendAsync(middleware, "::ffff:10.0.0.1", "/a/b")).Passed);
        Assert.False((await SendAsync(middleware, "2001:db8::ffff:2", "/a/b")).Passed);
        Assert.True((await SendAsync(middleware, "2001:db8:0:1::1", "/a/b")).Passed);
    }

    [Fact]
    public async Task Without_a_known_peer_the_forwarded_address_is_the_clients()
    {
        await using var middleware = await LimitAsync(Slow);

        Assert.True((await SendAsync(middleware, null, "/", ("X-Forwarded-For", "6.6.6.6, 1.1.1.1"))).Passed);
        Assert.False((await SendAsync(middleware, null, "/", ("X-Forwarded-For", "7.7.7.7, 1.1.1.1"))).Passed);
        Assert.True((await SendAsync(middleware, null, "/", ("X-Real-IP", "2.2.2.2"))).Passed);
        Assert.True((await SendAsync(middleware, null, "/")).Passed);
        Assert.False((await SendAsync(middleware, null, "/", ("X-Forwarded-For", "nonsense"))).Passed);
    }

    [Fact]
    public async Task A_crowd_of_addresses_and_paths_takes_no_more_than_the_room_there_is()
    {
        await using var middleware = (RateLimitMiddleware)await LimitAsync("100");
        for (var i = 0; i < 40_000; i++)
        {
            await SendAsync(middleware, $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}", "/" + i);
        }

        Assert.InRange(middleware.BucketCount, 8192, 16_384);
    }

    [Fact]
    public void The_buckets_let_go_are_those_not_used_for_longest()
    {
        var buckets = new TokenBuckets(0.001, 8);
        Assert.True(buckets.TryTake(new ClientKey(1, 0, 0)));
        for (var i = 100; i < 200; i++)
        {
            buckets.TryTake(new ClientKey((UInt128)i, 0, 0));
            Assert.False(buckets.TryTake(new ClientKey(1, 0, 0)));
        }

        Assert.True(buckets.TryTake(new ClientKey(100, 0, 0)));
    }

    [Fact]
    public void A_bucket_fills_up_again()
    {
        var buckets = new TokenBuckets(1000, 8);
        var client = new ClientKey(1, 0, 0);
        var refused = 0;
        for (var i = 0; i < 1_000_000 && refused == 0; i++)
        {
            refused += buckets.TryTake(client) ? 0 : 1;
        }

        Assert.Equal(1, refused);
        Assert.True(SpinWait.SpinUntil(() => buckets.TryTake(client), TimeSpan.FromSeconds(30)));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    public async Task A_limit_that_is_not_positive_is_refused(string limit)
        => Assert.Contains(
            "metadata property maxRequestsPerSecond must be a positive value",
            (await Assert.ThrowsAsync<ComponentMetadataException>(() => LimitAsync(limit))).Message,
            StringComparison.Ordinal);

    private static Task<IHttpMiddleware> LimitAsync(string limit) => Passage.MakeAsync("ratelimit", ("maxRequestsPerSecond", limit));

    private static Task<Passage> SendAsync(IHttpMiddleware middleware, string? peer, string target, params (string Name, string Value)[] headers)
        => Passage.ThroughAsync(middleware, target, peer: peer, headers: headers);
}
