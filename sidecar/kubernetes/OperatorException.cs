namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>The operator could not be reached, is not who it should be, or gave up the connection.</summary>
internal sealed class OperatorException(string message, Exception? cause = null) : Exception(message, cause);
