using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Kubernetes;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.TestOperators;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using ReportedState = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Sidecar.Tests.Kubernetes;

/// <summary>What a sidecar tells the operator of its resources.</summary>
public sealed class StatusReporterTests
{
    [Fact]
    public async Task All_resources_are_told_first_and_then_what_changes()
    {
        await using var bench = await Bench.StartAsync(s =>
        {
            s.Set("Component", Resource("store", "uid-1", 3), ResourceState.Ready);
            s.Set("Component", Resource("broker", "uid-2", 1), ResourceState.Failed, StatusReasons.InitFailed, "connection refused");
            s.Set("Component", Resource("kubernetes", "", 0), ResourceState.Ready);
        });
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 1, "the snapshot has come");
        var first = bench.Operator.Reports.First();
        Assert.Equal((true, "apps", "orders-0"), (first.Snapshot, first.Namespace, first.PodName));
        Assert.Equal(["broker", "store"], first.Resources.Select(r => r.Name));
        Assert.Equal((ReportedState.Failed, "InitFailed", "connection refused"), (first.Resources[0].State, first.Resources[0].Reason, first.Resources[0].Message));
        Assert.Equal((ReportedState.Ready, "uid-1", 3), (first.Resources[1].State, first.Resources[1].Uid, first.Resources[1].Generation));

        bench.Statuses.Set("Component", Resource("broker", "uid-2", 1), ResourceState.Ready);
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 2, "the change has come");
        var second = bench.Operator.Reports.Last();
        Assert.False(second.Snapshot);
        Assert.Equal([("broker", ReportedState.Ready)], second.Resources.Select(r => (r.Name, r.State)));

        bench.Statuses.Remove("Component", "store");
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 3, "the removal has come");
        Assert.Equal([("store", ReportedState.Removed, "uid-1")], bench.Operator.Reports.Last().Resources.Select(r => (r.Name, r.State, r.Uid)));
    }

    [Fact]
    public async Task What_changes_in_a_flurry_is_told_together()
    {
        await using var bench = await Bench.StartAsync(_ => { });
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 1, "the snapshot has come");

        for (var i = 0; i < 1000; i++)
        {
            bench.Statuses.Set("Component", Resource("store", "uid-1", i), i % 2 == 0 ? ResourceState.Ready : ResourceState.Failed);
        }

        bench.Statuses.Set("Component", Resource("store", "uid-1", 1000), ResourceState.Ready);
        await bench.UntilAsync(() => bench.Operator.Reports.Any(r => r.Resources.Any(s => s.Generation == 1000)), "the last state has come");
        Assert.InRange(bench.Operator.Reports.Count, 2, 20);
    }

    [Theory]
    [InlineData(Cut.Reset)]
    [InlineData(Cut.Connection)]
    public async Task A_stream_that_breaks_is_opened_again_with_a_snapshot(Cut how)
    {
        await using var bench = await Bench.StartAsync(s => s.Set("Component", Resource("store", "uid-1", 1), ResourceState.Ready));
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 1, "the snapshot has come");

        bench.Operator.CutStreams(how);

        await bench.UntilAsync(() => bench.Operator.Reports.Count == 2, "another snapshot has come");
        Assert.True(bench.Operator.Reports.Last().Snapshot);
        Assert.Equal(["store"], bench.Operator.Reports.Last().Resources.Select(r => r.Name));
    }

    [Fact]
    public async Task An_operator_that_does_not_know_the_service_is_asked_once()
    {
        await using var bench = await Bench.StartAsync(_ => { }, o => o.Unimplemented["Report"] = true);

        await bench.UntilAsync(() => bench.Running.IsCompleted, "the reporter has given up");

        Assert.Equal(1, bench.Operator.Calls("Report"));
        Assert.Equal(LogLevel.Debug, Assert.Single(bench.Log.All, l => l.Text.Contains("takes no reports", StringComparison.Ordinal)).Level);
        Assert.DoesNotContain(bench.Log.All, l => l.Level > LogLevel.Debug);
    }

    [Fact]
    public async Task An_operator_that_is_away_is_found_again_and_nobody_is_alarmed()
    {
        await using var bench = await Bench.StartAsync(s => s.Set("Component", Resource("store", "uid-1", 1), ResourceState.Ready));
        await bench.UntilAsync(() => bench.Operator.Reports.Count == 1, "the snapshot has come");

        await bench.Operator.StopAsync();
        await bench.UntilAsync(() => bench.Log.All.Any(l => l.Text.Contains("interrupted", StringComparison.Ordinal)), "the break is noticed");
        bench.Statuses.Set("Component", Resource("store", "uid-1", 2), ResourceState.Degraded, StatusReasons.InitFailed, new string('x', 5000));
        await bench.Operator.StartAsync();

        await bench.UntilAsync(() => bench.Operator.Reports.Count == 2, "another snapshot has come");
        var told = Assert.Single(bench.Operator.Reports.Last().Resources);
        Assert.Equal((ReportedState.Degraded, 2, 1024), (told.State, told.Generation, told.Message.Length));
        Assert.DoesNotContain(bench.Log.All, l => l.Level > LogLevel.Debug);
    }

    private static Component Resource(string name, string uid, long generation)
        => new() { Kind = "Component", Metadata = new ObjectMeta { Name = name, Uid = uid, Generation = generation } };

    /// <summary>A reporter at work.</summary>
    private sealed class Bench(SourceUnderTest source, ResourceStatuses statuses, FakeTimeProvider time) : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();

        public TestOperator Operator => source.Operator;

        public SourceUnderTest.Lines Log => source.Log;

        public ResourceStatuses Statuses => statuses;

        public Task Running { get; private set; } = Task.CompletedTask;

        public static async Task<Bench> StartAsync(Action<ResourceStatuses> before, Action<TestOperator>? setup = null)
        {
            var time = new FakeTimeProvider();
            var source = await SourceUnderTest.CreateAsync(time: time);
            setup?.Invoke(source.Operator);
            var statuses = new ResourceStatuses(time);
            before(statuses);
            var bench = new Bench(source, statuses, time);
            var reporter = new StatusReporter(source.Connection, new SidecarInfo("orders", "apps"), "orders-0", statuses, time, source.Log);
            bench.Running = Task.Run(() => reporter.RunAsync(bench.stop.Token));
            return bench;
        }

        public Task UntilAsync(Func<bool> condition, string what)
            => source.UntilAsync(
                () =>
                {
                    if (condition())
                    {
                        return true;
                    }

                    time.Advance(TimeSpan.FromMilliseconds(100));
                    return false;
                },
                what);

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await Running;
            stop.Dispose();
            await source.DisposeAsync();
        }
    }
}
