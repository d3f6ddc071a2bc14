using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Resiliency;

/// <summary>Which way a call through a component goes.</summary>
internal enum FlowDirection
{
    /// <summary>From the sidecar to the component.</summary>
    Outbound,

    /// <summary>From the component to the app.</summary>
    Inbound,
}

/// <summary>
/// The step of the road before every target. <see langword="null"/> means that no policy applies: the caller then calls
/// straight through, which is the hot path. Policies of Resiliency resources will come from an implementation that is
/// swapped in here; no building block knows of them.
/// </summary>
internal interface IResiliency
{
    /// <summary>The policy of a component in one direction.</summary>
    IPolicy? ForComponent(ComponentHandle component, FlowDirection direction);

    /// <summary>The policy of an app, an HTTPEndpoint or a URL as invocation target.</summary>
    /// <param name="target">The id as the caller wrote it.</param>
    /// <param name="operation">The method, part of circuit breakers' keys.</param>
    IPolicy? ForApp(string target, string operation);
}

/// <summary>
/// Runs attempts of one operation: retry ( circuit breaker ( timeout ( attempt ) ) ) (contract: messaging 8.3).
/// </summary>
internal interface IPolicy
{
    /// <summary>Whether it may attempt more than once, so that a request body has to be kept.</summary>
    bool MayRetry { get; }

    /// <summary>Runs attempts until one succeeds or the policy gives up; the last attempt's failure comes out.</summary>
    ValueTask<TResult> RunAsync<TState, TResult>(
        Func<TState, CancellationToken, ValueTask<TResult>> attempt, TState state, CancellationToken cancellationToken);
}

/// <summary>No Resiliency resource is in force.</summary>
internal sealed class NoResiliency : IResiliency
{
    public static NoResiliency Instance { get; } = new();

    public IPolicy? ForComponent(ComponentHandle component, FlowDirection direction) => null;

    public IPolicy? ForApp(string target, string operation) => null;
}
