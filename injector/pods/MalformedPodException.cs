namespace DaprK8s.Injector.Pods;

/// <summary>What was sent as a pod does not have a pod's shape.</summary>
internal sealed class MalformedPodException(string message) : Exception(message);
