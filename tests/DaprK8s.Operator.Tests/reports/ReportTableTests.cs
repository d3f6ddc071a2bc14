using DaprK8s.Operator.Reports;
using DaprK8s.Protos.Operator.Status.V1;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Reports;

/// <summary>Which report of a pod counts when it has more than one stream: its own, or those of a replica that hands on.</summary>
public sealed class ReportTableTests
{
    private static readonly PodKey Pod = new("default", "orders", "pod-a");

    private readonly ReportTable table = new();
    private readonly List<string> told = [];
    private readonly object mine = new();
    private readonly object relay = new();

    public ReportTableTests() => table.ResourceChanged = (key, isGone) => told.Add($"{key.Name}{(isGone ? " gone" : "")}");

    [Fact]
    public void The_last_report_counts_and_when_its_stream_ends_that_of_the_stream_that_is_still_open()
    {
        Report(mine, ("store", State.Ready), ("own", State.Ready));

        // What another replica has known before it finds out that the pod has left it.
        Report(relay, ("store", State.Failed), ("stale", State.Ready));
        Assert.Equal("store Failed, stale Ready", Known());
        told.Clear();

        table.Remove(relay, Pod);
        Assert.Equal("store Ready, own Ready", Known());
        Assert.Equal(["own", "stale", "store"], told.Order(StringComparer.Ordinal));
        Assert.Equal(1, table.Count);

        table.Remove(mine, Pod);
        Assert.Equal(("", 0), (Known(), table.Count));
        Assert.Contains("store gone", told);
    }

    [Fact]
    public void A_stream_that_ends_after_the_pod_has_opened_another_changes_nothing()
    {
        Report(mine, ("store", State.Failed));
        Report(relay, ("store", State.Ready));
        told.Clear();

        table.Remove(mine, Pod);

        Assert.Equal("store Ready", Known());
        Assert.Empty(told);
        table.RemoveAll(relay, static _ => false);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void A_change_on_the_stream_that_was_overtaken_counts_again_with_all_that_it_reported()
    {
        Report(mine, ("store", State.Starting), ("own", State.Ready));
        Report(relay, ("store", State.Failed));
        table.Apply(mine, Pod, isSnapshot: false, [StateOf("store", State.Ready)]);

        Assert.Equal("store Ready, own Ready", Known());
        table.RemoveAll(relay, static _ => false);
        Assert.Equal("store Ready, own Ready", Known());
        table.Remove(mine, Pod);
        Assert.Equal(0, table.Count);
    }

    private void Report(object owner, params (string Name, State State)[] states)
        => table.Apply(owner, Pod, isSnapshot: true, [.. states.Select(s => StateOf(s.Name, s.State))]);

    private string Known() => string.Join(", ", (table.Find(Pod) ?? []).Select(s => $"{s.Name} {s.State}"));

    private static ResourceState StateOf(string name, State state) => new() { Kind = "Component", Name = name, State = state };
}
