using DaprK8s.Protos.Operator.V1;
using DaprK8s.Sidecar.Reload;
using DaprK8s.TestOperators;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sidecar.Tests.Kubernetes;

/// <summary>How changes come from the operator while a sidecar runs (contract: k8s 2.9, 5.8).</summary>
public sealed class FollowOperatorTests
{
    // A minute and its jitter.
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(67);

    [Fact]
    public async Task Changes_of_every_kind_come_through_streams()
    {
        await using var source = await SourceUnderTest.CreateAsync(configuration: "mine");
        source.Operator.Put("Configuration", """{"metadata":{"name":"mine","namespace":"apps"},"spec":{}}""");
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync(7);

        foreach (var kind in ResourceKinds.Listed)
        {
            source.Operator.Put(kind, $$$"""{"metadata":{"name":"a-{{{kind}}}"},"spec":{"type":"state.in-memory"}}""");
            await source.EventAsync<ResourceApplied>(e => e.Resource.Kind == kind && e.Resource.Name == $"a-{kind}", $"{kind} is applied");
            source.Operator.Remove(kind, $"a-{kind}");
            await source.EventAsync<ResourceDeleted>(e => e.Kind == kind && e.Name == $"a-{kind}", $"{kind} is deleted");
        }

        source.Operator.Put("Configuration", """{"metadata":{"name":"mine","namespace":"apps"},"spec":{"metric":{"enabled":false}}}""");
        var applied = await source.EventAsync<ResourceApplied>(e => e.Resource.Name == "mine", "the Configuration is applied");
        var spec = Assert.IsType<Common.Resources.Configuration>(applied.Resource).Spec;
        Assert.False(spec.Metric!.Enabled);
        Assert.Equal("public", spec.AccessControl!.TrustDomain);
    }

    [Fact]
    public async Task A_change_between_the_first_list_and_the_watch_is_not_missed()
    {
        await using var source = await SourceUnderTest.CreateAsync();
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        await source.Source.LoadAsync(TestContext.Current.CancellationToken);
        await source.UntilStreamsAreOpenAsync();
        source.Operator.Put("Component", SourceUnderTest.Component("store", "state.redis"));

        await foreach (var change in source.Source.WatchAsync(TestContext.Current.CancellationToken))
        {
            var component = Assert.IsType<Common.Resources.Component>(Assert.IsType<ResourceApplied>(change).Resource);
            Assert.Equal("state.redis", component.Spec.Type);
            break;
        }
    }

    [Fact]
    public async Task Without_hot_reload_no_stream_is_opened()
    {
        await using var source = await SourceUnderTest.CreateAsync(configuration: "mine");
        source.Operator.Put("Configuration", """{"metadata":{"name":"mine"},"spec":{"features":[{"name":"HotReload","enabled":false}]}}""");

        await source.Source.LoadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, source.Operator.Calls("ComponentUpdate"));
    }

    [Theory]
    [InlineData(Cut.End)]
    [InlineData(Cut.Reset)]
    [InlineData(Cut.Connection)]
    public async Task A_broken_stream_is_opened_again_and_what_was_missed_is_listed(Cut how)
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time);
        source.Operator.Put("Component", SourceUnderTest.Component("stays"));
        source.Operator.Put("Component", SourceUnderTest.Component("goes"));
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();

        source.Operator.CutStreams(how, "Component");
        source.Operator.Remove("Component", "goes", isTold: false);
        source.Operator.PutSilently("Component", SourceUnderTest.Component("comes"));
        await AdvanceUntilAsync(source, time, () => source.Operator.OpenStreams("Component") == 1 && source.Events.OfType<KindListed>().Any(e => e.Kind == "Component"), "the list after the cut");

        var listed = source.Events.OfType<KindListed>().First(e => e.Kind == "Component");
        Assert.Equal(["comes", "stays"], listed.All.Select(r => r.Name).Order());
        Assert.False(listed.IsReconcile);
        source.Operator.Put("Component", SourceUnderTest.Component("later"));
        await source.EventAsync<ResourceApplied>(e => e.Resource.Name == "later", "the new stream tells of changes");
    }

    [Theory]
    [InlineData(Cut.End)]
    [InlineData(Cut.Reset)]
    [InlineData(Cut.Connection)]
    public async Task Nothing_is_lost_when_every_message_cuts_the_stream(Cut how)
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time);
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();
        source.Operator.CutAfterEachMessage = how;

        for (var i = 0; i < 20; i++)
        {
            source.Operator.Put("Component", SourceUnderTest.Component($"c{i}"));
            if (i % 3 == 0)
            {
                await AdvanceUntilAsync(source, time, () => source.Operator.OpenStreams("Component") > 0, "a stream is open again");
            }
        }

        await AdvanceUntilAsync(source, time, () => Known(source).Count == 20, "all twenty are known");
    }

    [Fact]
    public async Task An_operator_that_is_away_for_long_is_told_of_once_and_found_again()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time);
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();

        await source.Operator.StopAsync();
        await AdvanceUntilAsync(source, time, () => source.Log.All.Any(l => l.Level == LogLevel.Error && l.Text.Contains("for 15 minutes", StringComparison.Ordinal)), "it is told that the outage is long", TimeSpan.FromSeconds(5));
        Assert.Single(source.Log.All, l => l.Level == LogLevel.Warning && l.Text.Contains("interrupted", StringComparison.Ordinal));

        await source.Operator.StartAsync();
        source.Operator.PutSilently("Component", SourceUnderTest.Component("new"));
        await AdvanceUntilAsync(source, time, () => Known(source).Contains("new"), "what came meanwhile is known");
        await AdvanceUntilAsync(source, time, () => source.Log.All.Any(l => l.Text.Contains("come from the operator again", StringComparison.Ordinal)), "the end of the outage is told");
    }

    [Fact]
    public async Task What_no_stream_tells_of_is_found_by_the_list_of_every_minute()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time, reconcile: TimeSpan.FromSeconds(60));
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();

        source.Operator.PutSilently("Component", SourceUnderTest.Component("store", "state.redis"));
        time.Advance(LongestInterval);
        await source.EventAsync<KindListed>(e => e.Kind == "Component", "a list is made");

        var listed = source.Events.OfType<KindListed>().First(e => e.Kind == "Component");
        Assert.True(listed.IsReconcile);
        Assert.Equal("state.redis", Assert.IsType<Common.Resources.Component>(Assert.Single(listed.All)).Spec.Type);
        Assert.Equal(1, source.Operator.Calls("ComponentUpdate"));
    }

    [Fact]
    public async Task A_kind_that_an_older_operator_has_no_stream_for_is_told_of_once_and_asked_for_instead()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time, reconcile: TimeSpan.FromSeconds(60));
        source.Operator.Unimplemented["ResiliencyUpdate"] = true;
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync(5);
        await source.UntilAsync(() => source.Log.All.Any(l => l.Text.Contains("no stream of Resiliency", StringComparison.Ordinal)), "the missing stream is told of");

        source.Operator.PutSilently("Resiliency", """{"metadata":{"name":"r"},"spec":{}}""");
        time.Advance(LongestInterval);
        await source.EventAsync<KindListed>(e => e.Kind == "Resiliency" && e.All.Count == 1, "it is found by asking");

        Assert.Equal(1, source.Operator.Calls("ResiliencyUpdate"));
        Assert.Single(source.Log.All, l => l.Text.Contains("no stream of Resiliency", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_list_that_fails_changes_nothing()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time, reconcile: TimeSpan.FromSeconds(60));
        source.Operator.Put("Component", SourceUnderTest.Component("store"));
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();
        source.Operator.Refuse["ListComponents"] = () => new Status(StatusCode.Unknown, "secret is missing");

        time.Advance(LongestInterval);
        await source.UntilAsync(() => source.Log.All.Any(l => l.Text.Contains("secret is missing", StringComparison.Ordinal)), "the failure is told");
        Assert.DoesNotContain(source.Events.OfType<KindListed>(), e => e.Kind == "Component");
    }

    [Fact]
    public async Task A_component_without_its_secret_is_asked_for_again_before_the_next_full_list()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time, reconcile: TimeSpan.FromHours(1));
        source.Operator.Put("Component", SourceUnderTest.Component("store", more: ""","secretProblem":"the API server is away" """));
        var loaded = await source.FollowAsync();
        Assert.Equal("the API server is away", Assert.Single(loaded.Resources.Components).SecretProblem);
        await source.UntilStreamsAreOpenAsync();
        source.Operator.PutSilently("Component", SourceUnderTest.Component("store"));

        time.Advance(TimeSpan.FromSeconds(11));
        var listed = await source.EventAsync<KindListed>(e => e.Kind == "Component", "it is asked for again");
        Assert.Null(Assert.Single(listed.All).SecretProblem);
        Assert.False(listed.IsReconcile, "nobody else's secrets are looked up for it");

        time.Advance(TimeSpan.FromSeconds(30));
        await source.UntilAsync(() => source.Operator.Calls("ListComponents") >= 2, "it was listed");
        Assert.Equal(2, source.Operator.Calls("ListComponents"));
    }

    [Fact]
    public async Task Other_namespaces_unknown_types_and_unreadable_documents_are_passed_over()
    {
        await using var source = await SourceUnderTest.CreateAsync(configuration: "mine");
        source.Operator.Put("Configuration", """{"metadata":{"name":"mine"},"spec":{}}""");
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync(7);

        source.Operator.Put("Configuration", """{"metadata":{"name":"another"},"spec":{}}""");
        source.Operator.Put("Component", SourceUnderTest.Component("foreign", @namespace: "other"));
        source.Operator.Send("Component", ResourceEventType.Unknown, SourceUnderTest.Component("odd"));
        source.Operator.Send("Component", (ResourceEventType)17, SourceUnderTest.Component("odd"));
        source.Operator.Send("Component", ResourceEventType.Created, "[]");
        source.Operator.Send("Component", ResourceEventType.Created, "{ this is none");
        source.Operator.Send("Component", ResourceEventType.Created, "{}");
        source.Operator.Put("Component", SourceUnderTest.Component("last"));
        await source.EventAsync<ResourceApplied>(e => e.Resource.Name == "last", "the stream goes on");

        Assert.Single(source.Events);
    }

    [Fact]
    public async Task A_change_that_a_list_was_ahead_of_is_not_told_again()
    {
        var time = new FakeTimeProvider();
        await using var source = await SourceUnderTest.CreateAsync(time: time, reconcile: TimeSpan.FromSeconds(60));
        var old = source.Operator.Put("Component", SourceUnderTest.Component("store")).ToJsonString();
        source.Operator.PutSilently("Component", SourceUnderTest.Component("store", "state.redis"));
        await source.FollowAsync();
        await source.UntilStreamsAreOpenAsync();

        source.Operator.Send("Component", ResourceEventType.Updated, old);
        var another = SourceUnderTest.Component("store").Replace("\"creationTimestamp\":null", "\"uid\":\"an-earlier-one\",\"resourceVersion\":\"7\"", StringComparison.Ordinal);
        source.Operator.Send("Component", ResourceEventType.Deleted, another);
        source.Operator.Put("Component", SourceUnderTest.Component("last"));
        await source.EventAsync<ResourceApplied>(e => e.Resource.Name == "last", "the stream goes on");

        Assert.Single(source.Events);
    }

    /// <summary>The Components that are known after all that was told.</summary>
    private static HashSet<string> Known(SourceUnderTest source)
    {
        HashSet<string> names = [];
        foreach (var change in source.Events)
        {
            switch (change)
            {
                case KindListed { Kind: "Component" } listed:
                    names = [.. listed.All.Select(r => r.Name)];
                    break;
                case ResourceApplied { Resource: Common.Resources.Component component }:
                    names.Add(component.Name);
                    break;
                case ResourceDeleted { Kind: "Component" } deleted:
                    names.Remove(deleted.Name);
                    break;
            }
        }

        return names;
    }

    // Small steps: calls have time limits too, and their servers live in real time.
    private static Task AdvanceUntilAsync(SourceUnderTest source, FakeTimeProvider time, Func<bool> condition, string what, TimeSpan? step = null)
        => source.UntilAsync(
            () =>
            {
                if (condition())
                {
                    return true;
                }

                time.Advance(step ?? TimeSpan.FromMilliseconds(100));
                return false;
            },
            what);
}
