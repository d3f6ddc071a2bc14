namespace DaprK8s.Sentry.Kubernetes;

/// <summary>Whom the API server vouches for.</summary>
/// <param name="Namespace">The service account's namespace.</param>
/// <param name="Name">The service account.</param>
/// <param name="Token">What the token says of the pod that it was issued for.</param>
internal sealed record ReviewedAccount(string Namespace, string Name, ServiceAccountToken Token);
