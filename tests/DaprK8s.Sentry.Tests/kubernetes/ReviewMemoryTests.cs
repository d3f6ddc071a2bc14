using DaprK8s.Sentry.Kubernetes;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Kubernetes;

public sealed class ReviewMemoryTests
{
    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void A_review_never_outlives_its_token()
    {
        var memory = new ReviewMemory(clock);
        memory.Add("t", Account("a", TimeSpan.FromMinutes(3)));
        clock.Advance(TimeSpan.FromMinutes(3) - TimeSpan.FromSeconds(1));
        Assert.NotNull(memory.Find("t"));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(memory.Find("t"));
        Assert.Equal(0, memory.Count);
    }

    [Fact]
    public void A_review_lives_ten_minutes_at_most()
    {
        var memory = new ReviewMemory(clock);
        memory.Add("t", Account("a", TimeSpan.FromDays(365)));
        clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Null(memory.Find("t"));
    }

    [Fact]
    public void Only_bound_tokens_with_an_end_are_remembered()
    {
        var memory = new ReviewMemory(clock);
        memory.Add("no-end", new ReviewedAccount("ns", "sa", new ServiceAccountToken("a", "uid", null)));
        memory.Add("no-uid", new ReviewedAccount("ns", "sa", new ServiceAccountToken("a", null, clock.GetUtcNow().AddHours(1))));
        memory.Add("expired", Account("a", TimeSpan.Zero));
        Assert.Equal(0, memory.Count);
    }

    [Fact]
    public void A_pod_is_forgotten_with_all_its_tokens_and_no_other()
    {
        var memory = new ReviewMemory(clock);
        memory.Add("a1", Account("a", TimeSpan.FromHours(1)));
        memory.Add("a2", Account("a", TimeSpan.FromHours(1)));
        memory.Add("b", Account("b", TimeSpan.FromHours(1)));
        memory.ForgetPod("other", "a");
        Assert.NotNull(memory.Find("a1"));
        memory.ForgetPod("ns", "a");
        Assert.Null(memory.Find("a1"));
        Assert.Null(memory.Find("a2"));
        Assert.NotNull(memory.Find("b"));
    }

    [Fact]
    public void It_does_not_grow_without_bounds_and_keeps_the_newest()
    {
        var memory = new ReviewMemory(clock);
        for (var i = 0; i < 10_000; i++)
        {
            memory.Add($"t{i}", Account($"p{i}", TimeSpan.FromHours(1)));
        }

        Assert.Equal(4096, memory.Count);
        Assert.Null(memory.Find("t0"));
        Assert.NotNull(memory.Find("t9999"));

        for (var i = 0; i < 20_000; i++)
        {
            memory.Add("again", Account("again", TimeSpan.FromHours(1)));
            memory.ForgetPod("ns", "again");
        }

        Assert.True(memory.Count <= 4096);
    }

    private ReviewedAccount Account(string pod, TimeSpan life) => new("ns", "sa", new ServiceAccountToken(pod, $"uid-{pod}", clock.GetUtcNow() + life));
}
