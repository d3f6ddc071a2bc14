namespace DaprK8s.Cluster.Objects;

/// <summary>The API server did not do what it was asked; its reason is the message.</summary>
internal sealed class RefusedException(Exception reason) : Exception(reason.Message, reason);
