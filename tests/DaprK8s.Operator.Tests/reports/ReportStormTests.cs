using DaprK8s.Operator.Reports;
using DaprK8s.Operator.Tests.Support;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Reports;

/// <summary>A thousand sidecars that report at once: what the API server is asked to write is bounded.</summary>
public sealed class ReportStormTests
{
    private static readonly string[] Stores = ["store-0", "store-1", "store-2", "store-3", "store-4"];

    [Fact]
    public async Task A_thousand_sidecars_that_report_restart_and_fail_at_once_cost_a_write_for_each_resource_that_has_changed()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        var pace = cluster.StatusPace = new StatusPace();
        Array.ForEach(Stores, s => cluster.PutComponent(s));
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), () => Stores.All(s => cluster.ConditionOf(s) == "no condition 0/0"), "all have been looked at");
        Assert.Equal(5, cluster.StatusWrites());

        // As long as the clock stands still they are at once, however long it takes.
        clock.Speed = 0;
        var sidecars = await ReportingSidecar.ReportThousandAsync(running, All(State.Ready));
        await running.MetersAsync("dapr_operator_status_reports 1000");
        await PassAsync(pace.Settle, "True Loaded 1000/1000");
        Assert.Equal(10, cluster.StatusWrites());

        clock.Speed = 0;
        Array.ForEach(sidecars, s => s.Dispose());
        await running.MetersAsync("dapr_operator_status_reports 0");
        sidecars = await ReportingSidecar.ReportThousandAsync(running, All(State.Ready));
        await running.MetersAsync("dapr_operator_status_reports 1000");
        cluster.PutComponent("mark");
        clock.Forward(pace.Absence);
        clock.Speed = 1;
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), () => cluster.ConditionOf("mark") == "no condition 0/0", "what is due later is written");
        Assert.Equal(11, cluster.StatusWrites());

        clock.Speed = 0;
        await Task.WhenAll(sidecars.Select(s => s.ChangeAsync(All(State.Failed))));
        await Task.WhenAll(sidecars.Select(s => s.EndAsync()));
        sidecars = await ReportingSidecar.ReportThousandAsync(running, All(State.Failed));
        await running.MetersAsync("dapr_operator_status_reports 1000");
        await PassAsync(pace.Settle, "False InitFailed 0/1000");
        Assert.Equal(16, cluster.StatusWrites());
        foreach (var store in Stores)
        {
            Assert.Single(cluster.EventsOf(store));
            Assert.Equal(10, cluster.StatusOf(store)!["apps"]!["failing"]!.AsArray().Count);
        }

        async Task PassAsync(TimeSpan time, string condition)
        {
            clock.Forward(time);
            clock.Speed = 1;
            foreach (var store in Stores)
            {
                await cluster.HasConditionAsync(store, condition);
            }

            await Eventually.TrueAsync(() => condition.StartsWith("True", StringComparison.Ordinal) || Stores.All(s => cluster.EventsOf(s).Count > 0), "events are there");
        }
    }

    private static (string Name, State State, string Reason, string Message)[] All(State state)
        => [.. Stores.Select(s => (s, state, state == State.Failed ? "InitFailed" : "", state == State.Failed ? "connection refused" : ""))];
}
