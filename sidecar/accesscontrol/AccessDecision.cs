namespace DaprK8s.Sidecar.AccessControl;

/// <summary>The outcome for one call.</summary>
/// <param name="IsAllowed">Whether it may go on.</param>
/// <param name="IsByApp">Whether the caller's policy has a default action of its own; so the metrics tell them apart.</param>
internal readonly record struct AccessDecision(bool IsAllowed, bool IsByApp);
