using DaprK8s.Components.Metadata;
using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class SentinelMiddlewareTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task A_flow_rule_lets_so_many_requests_through_in_each_interval()
    {
        await using var middleware = await MakeAsync("flowRules", """[{"resource":"GET:/v1.0/nodeapp/healthz","threshold":10,"tokenCalculateStrategy":0,"controlBehavior":0}]""");

        Assert.Equal(10, await PassedAsync(middleware, "/v1.0/nodeapp/healthz", 100));
        Assert.Equal(0, await PassedAsync(middleware, "/v1.0//nodeapp/./healthz", 1));
        Assert.Equal(5, await PassedAsync(middleware, "/other", 5));
        time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(0, await PassedAsync(middleware, "/v1.0/nodeapp/healthz", 1));
        time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal(10, await PassedAsync(middleware, "/v1.0/nodeapp/healthz", 100));
        Assert.Equal(429, (await Passage.ThroughAsync(middleware, "/v1.0/nodeapp/healthz")).Status);
    }

    [Fact]
    public async Task A_throttling_rule_paces_requests_and_refuses_those_that_would_wait_too_long()
    {
        await using var middleware = await MakeAsync("flowRules", """[{"resource":"GET:/a","threshold":10,"controlBehavior":1,"maxQueueingTimeMs":150}]""");

        var passages = Enumerable.Range(0, 3).Select(_ => Passage.ThroughAsync(middleware, "/a")).ToArray();

        Assert.True(passages[0].IsCompleted);
        Assert.False(passages[1].IsCompleted);
        Assert.Equal(429, (await passages[2]).Status);
        time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.True((await passages[1]).Passed);
    }

    [Fact]
    public async Task An_isolation_rule_lets_so_many_requests_through_at_a_time()
    {
        await using var middleware = await MakeAsync("isolationRules", """[{"resource":"GET:/a","metricType":0,"threshold":1}]""");
        var goOn = new TaskCompletionSource();
        var running = Passage.ThroughAsync(middleware, "/a", app: _ => goOn.Task);

        Assert.Equal(429, (await Passage.ThroughAsync(middleware, "/a")).Status);
        goOn.SetException(new InvalidOperationException("broken"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => running);
        Assert.True((await Passage.ThroughAsync(middleware, "/a")).Passed);
    }

    [Theory]
    [InlineData("""[{"resource":"GET:/a","strategy":1,"threshold":0.5,"minRequestAmount":4,"statIntervalMs":10000,"retryTimeoutMs":3000}]""", 500, 0)]
    [InlineData("""[{"resource":"GET:/a","strategy":2,"threshold":2,"minRequestAmount":4,"statIntervalMs":10000,"retryTimeoutMs":3000}]""", 503, 0)]
    [InlineData("""[{"resource":"GET:/a","strategy":0,"threshold":0.5,"maxAllowedRtMs":50,"minRequestAmount":4,"statIntervalMs":10000,"retryTimeoutMs":3000}]""", 200, 60)]
    public async Task A_circuit_breaker_opens_after_bad_answers_and_closes_after_a_good_one(string rules, int badStatus, int badTook)
    {
        await using var middleware = await MakeAsync("circuitBreakerRules", rules);
        await SendAsync(good: true);
        await SendAsync(good: true);
        await SendAsync(good: false);
        Assert.True((await SendAsync(good: false)).Passed);

        Assert.False((await SendAsync(good: true)).Passed);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.True((await SendAsync(good: false)).Passed);
        Assert.False((await SendAsync(good: true)).Passed);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.True((await SendAsync(good: true)).Passed);
        Assert.True((await SendAsync(good: true)).Passed);

        Task<Passage> SendAsync(bool good) => Passage.ThroughAsync(middleware, "/a", app: context =>
        {
            context.Response.StatusCode = good ? 200 : badStatus;
            time.Advance(TimeSpan.FromMilliseconds(good ? 0 : badTook));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public async Task System_rules_hold_for_all_paths_together()
    {
        await using var rate = await MakeAsync("systemRules", """[{"metricType":3,"triggerCount":2}]""");
        Assert.Equal(1, await PassedAsync(rate, "/a", 1));
        Assert.Equal(1, await PassedAsync(rate, "/b", 5));

        await using var response = await MakeAsync("systemRules", """[{"metricType":1,"triggerCount":50}]""");
        Assert.True((await Passage.ThroughAsync(response, "/a", app: _ =>
        {
            time.Advance(TimeSpan.FromMilliseconds(80));
            return Task.CompletedTask;
        })).Passed);
        Assert.False((await Passage.ThroughAsync(response, "/b")).Passed);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True((await Passage.ThroughAsync(response, "/b")).Passed);
    }

    [Theory]
    [InlineData("flowRules", """[{"resource":"GET:/a","strategy":1,"statIntervalInMs":-1}]""", "fail to load sentinel flow rules")]
    [InlineData("flowRules", """[{"resource":"GET:/a","tokenCalculateStrategy":1}]""", "'tokenCalculateStrategy': only the strategy 0 (direct) is supported")]
    [InlineData("flowRules", """[{"resource":"GET:/a","relationStrategy":1}]""", "'relationStrategy'")]
    [InlineData("flowRules", """[{"threshold":1}]""", "'resource' is missing")]
    [InlineData("flowRules", "{}", "rules are a list")]
    [InlineData("flowRules", "[7]", "a rule is an object")]
    [InlineData("flowRules", "nonsense", "fail to load sentinel flow rules 'nonsense'")]
    [InlineData("circuitBreakerRules", """[{"resource":"GET:/a","strategy":3}]""", "fail to load sentinel circuit breaker rules")]
    [InlineData("hotSpotParamRules", """[{"resource":"GET:/a"}]""", "hot-spot rules are not supported")]
    [InlineData("isolationRules", """[{"resource":"GET:/a","threshold":-1}]""", "fail to load sentinel isolation rules")]
    [InlineData("systemRules", "[{}]", "load (0) and CPU usage (4) are not supported")]
    public async Task Rules_that_are_wrong_or_not_supported_are_refused(string name, string rules, string text)
        => Assert.Contains(text, (await Assert.ThrowsAsync<ComponentMetadataException>(() => MakeAsync(name, rules))).Message, StringComparison.Ordinal);

    private static async Task<int> PassedAsync(IHttpMiddleware middleware, string path, int count)
    {
        var passed = 0;
        for (var i = 0; i < count; i++)
        {
            passed += (await Passage.ThroughAsync(middleware, path)).Passed ? 1 : 0;
        }

        return passed;
    }

    private Task<IHttpMiddleware> MakeAsync(string name, string rules)
        => ComponentUnderTest.StartAsync<IHttpMiddleware>("middleware.http.sentinel", [new("appName", "test"), new(name, rules)], time: time);
}
