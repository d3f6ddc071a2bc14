namespace DaprK8s.Sidecar.AccessControl;

/// <summary>What one calling app may do.</summary>
/// <param name="TrustDomain">The trust domain that its identity must have.</param>
/// <param name="DefaultAction">Whether it is allowed what no operation decides; <see langword="null"/> when the policy does not say.</param>
/// <param name="Operations">Its operations.</param>
internal sealed record AppPolicy(string TrustDomain, bool? DefaultAction, OperationTree Operations);
