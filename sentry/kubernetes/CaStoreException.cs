namespace DaprK8s.Sentry.Kubernetes;

/// <summary>Secret or ConfigMap of the trust bundle can't be read or written.</summary>
internal sealed class CaStoreException(string message, Exception? inner = null) : Exception(message, inner);
