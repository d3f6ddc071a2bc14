using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// The last stretch of the road to a component: the resiliency policy of the target, then the call, measured. Every building
/// block that leaves towards a component does so here.
/// </summary>
internal sealed class ComponentRoad(IResiliency resiliency, ComponentMetrics metrics, TimeProvider time)
{
    /// <summary>Calls a component.</summary>
    /// <param name="component">The target.</param>
    /// <param name="operation">The metric's <c>operation</c>, for example <c>get</c>.</param>
    /// <param name="state">What <paramref name="call"/> needs, so that it can be a static lambda.</param>
    /// <param name="call">One attempt.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async ValueTask<TResult> CallAsync<TState, TResult>(
        ComponentHandle component,
        string operation,
        TState state,
        Func<TState, CancellationToken, ValueTask<TResult>> call,
        CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var success = false;
        try
        {
            var policy = resiliency.ForComponent(component, FlowDirection.Outbound);
            var result = policy is null
                ? await call(state, cancellationToken)
                : await policy.RunAsync(call, state, cancellationToken);
            success = true;
            return result;
        }
        finally
        {
            metrics.RecordCall(component, operation, success, time.GetElapsedTime(started));
        }
    }
}
