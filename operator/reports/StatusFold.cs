using System.Globalization;
using DaprK8s.Common.Resources;
using DaprK8s.Protos.Operator.Status.V1;
using ResourceStatus = DaprK8s.Common.Resources.ResourceStatus;

namespace DaprK8s.Operator.Reports;

/// <summary>Makes one status of what sidecars report of a resource.</summary>
internal static class StatusFold
{
    /// <summary>The condition.</summary>
    public const string Ready = "Ready";

    /// <summary>Folds reports.</summary>
    /// <param name="generation">The object's generation.</param>
    /// <param name="uid">The object's uid; reports of another one by this name count as not yet there.</param>
    /// <param name="reports">The reports.</param>
    /// <param name="former">The status before; when nothing has changed in the condition its time is kept.</param>
    /// <param name="now">The time.</param>
    public static ResourceStatus Fold(long generation, string uid, IReadOnlyList<(PodKey Pod, ReportedState State)> reports, ResourceStatus? former, DateTimeOffset now)
    {
        var hash = ReportedState.HashOf(uid);
        var (ready, observed) = (0, generation);
        List<(PodKey Pod, ReportedState State)> failing = [];
        foreach (var report in reports)
        {
            var state = report.State;
            var isCurrent = state.UidHash == 0 || state.UidHash == hash;
            if (isCurrent && state.Generation > 0)
            {
                observed = Math.Min(observed, state.Generation);
            }

            if (state.State is ResourceState.Types.State.Failed or ResourceState.Types.State.Degraded)
            {
                failing.Add(report);
            }
            else if (state.State == ResourceState.Types.State.Ready && isCurrent)
            {
                ready++;
            }
        }

        failing.Sort(static (a, b) => Compare(a, b));
        return new ResourceStatus
        {
            ObservedGeneration = observed,
            // What nobody has loaded is neither ready nor on its way there: helm and kubectl would wait for it in vain.
            Conditions = reports.Count == 0 ? [] : [Condition(observed, Judge(reports.Count, ready, failing), former, now)],
            Apps = new AppsStatus
            {
                Total = reports.Count,
                Ready = ready,
                Failed = failing.Count,
                Summary = string.Create(CultureInfo.InvariantCulture, $"{ready}/{reports.Count}"),
                Failing = failing.Count == 0 ? null : [.. failing.Take(AppsStatus.MaxFailing).Select(ToFailing)],
            },
        };
    }

    private static StatusCondition Condition(long observed, (string Status, string Reason, string Message) verdict, ResourceStatus? former, DateTimeOffset now)
    {
        var before = former?.Conditions?.FirstOrDefault(c => c.Type == Ready);
        return new StatusCondition
        {
            Type = Ready,
            Status = verdict.Status,
            ObservedGeneration = observed,
            LastTransitionTime = before?.Status == verdict.Status ? before.LastTransitionTime : now,
            Reason = verdict.Reason,
            Message = verdict.Message,
        };
    }

    private static (string Status, string Reason, string Message) Judge(int total, int ready, List<(PodKey Pod, ReportedState State)> failing)
    {
        if (failing.Count > 0)
        {
            var (pod, state) = failing[0];
            var others = failing.Count > 1 ? $" (and {failing.Count - 1} more)" : "";
            return ("False", ReasonOf(state), $"app {pod.AppId}, pod {pod.Pod}: {state.Problem?.Message ?? "it failed"}{others}");
        }

        return ready == total ? ("True", "Loaded", "") : ("Unknown", "Starting", $"{total - ready} of {total} sidecars are loading it");
    }

    private static FailingApp ToFailing((PodKey Pod, ReportedState State) report)
        => new()
        {
            AppID = report.Pod.AppId, Pod = report.Pod.Pod, Reason = ReasonOf(report.State), Message = report.State.Problem?.Message, Since = report.State.Since,
        };

    // What the schema of a condition takes.
    private static string ReasonOf(ReportedState state)
    {
        var reason = state.Problem?.Reason ?? "";
        return reason.Length > 0 && char.IsAsciiLetter(reason[0]) && reason.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or ',' or ':') && reason[^1] is not (',' or ':')
            ? reason : state.State == ResourceState.Types.State.Degraded ? "UpdateFailed" : "Failed";
    }

    // The longest first; then in an order that does not change from fold to fold.
    private static int Compare((PodKey Pod, ReportedState State) a, (PodKey Pod, ReportedState State) b)
        => (a.State.Since ?? DateTimeOffset.MaxValue).CompareTo(b.State.Since ?? DateTimeOffset.MaxValue) is not 0 and var byTime ? byTime
            : string.CompareOrdinal(a.Pod.AppId, b.Pod.AppId) is not 0 and var byApp ? byApp
            : string.CompareOrdinal(a.Pod.Pod, b.Pod.Pod);
}
