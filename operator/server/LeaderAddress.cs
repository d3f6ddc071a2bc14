namespace DaprK8s.Operator.Server;

/// <summary>How other replicas reach the one that leads: an annotation of its lease.</summary>
internal static class LeaderAddress
{
    /// <summary>The annotation; its value is <c>host:port</c> of the gRPC API.</summary>
    public const string Annotation = "operator.daprk8s.io/address";
}
