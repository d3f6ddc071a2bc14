using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;

namespace DaprK8s.Sidecar.AccessControl;

/// <summary>Counts decisions by caller (contract: security 3.11).</summary>
internal sealed class AccessMetrics(MetricsRegistry registry)
{
    private readonly CounterFamily allowedByApp = Create(registry, "app", "allowed");
    private readonly CounterFamily blockedByApp = Create(registry, "app", "blocked");
    private readonly CounterFamily allowedByGlobal = Create(registry, "global", "allowed");
    private readonly CounterFamily blockedByGlobal = Create(registry, "global", "blocked");

    public void Record(SpiffeId? caller, AccessDecision decision)
    {
        var family = decision switch
        {
            { IsAllowed: true, IsByApp: true } => allowedByApp,
            { IsAllowed: true } => allowedByGlobal,
            { IsByApp: true } => blockedByApp,
            _ => blockedByGlobal,
        };
        family.Increment(new LabelValues(caller?.AppId ?? "", caller?.TrustDomain ?? "", caller?.Namespace ?? ""));
    }

    private static CounterFamily Create(MetricsRegistry registry, string policy, string action)
        => registry.Counter(
            $"dapr_runtime_acl_{policy}_policy_action_{action}_total", $"Calls {action} by the {policy} policy.", "app_id", "trustDomain", "namespace");
}
