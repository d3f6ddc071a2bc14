using DaprK8s.Sidecar.PubSub.CloudEvents;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>A compiled <c>match</c> expression of a routing rule.</summary>
internal interface IRouteMatcher
{
    /// <summary>Whether the rule takes the event.</summary>
    /// <exception cref="RouteMatchException">The expression can't be evaluated for this event.</exception>
    bool Matches(CloudEvent cloudEvent);
}

/// <summary>Compiles <c>match</c> expressions.</summary>
internal interface IRouteMatchers
{
    /// <summary>Compiles an expression that is not blank; a blank one never gets here.</summary>
    /// <exception cref="RouteMatchException">The expression is not valid, or not understood.</exception>
    IRouteMatcher Compile(string expression);
}

/// <summary>
/// Understands no expression. A subscription with one is then refused as it is loaded: delivering its messages to another
/// path than the one meant would be worse.
/// </summary>
internal sealed class NoRouteMatchers : IRouteMatchers
{
    public static NoRouteMatchers Instance { get; } = new();

    public IRouteMatcher Compile(string expression) => throw new RouteMatchException("routing expressions are not supported by this sidecar");
}

/// <summary>A routing expression can't be compiled or evaluated.</summary>
internal sealed class RouteMatchException(string message, Exception? inner = null) : Exception(message, inner);
