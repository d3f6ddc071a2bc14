using DaprK8s.Components;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>Where a publish came in; it decides how a policy's rules see the broker's error (contract: messaging 1.11).</summary>
internal enum PublishSurface
{
    Http,
    Grpc,
}

/// <summary>A publish as either surface understood it.</summary>
/// <param name="PubSub">The component.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Data">The payload; needed until the publish is done.</param>
internal sealed record PublishRequest(string PubSub, string Topic, ReadOnlyMemory<byte> Data)
{
    /// <summary>The payload's media type as received; empty when the caller gave none.</summary>
    public string ContentType { get; init; } = "";

    /// <summary>Publish metadata, as the caller spelled it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;

    public TraceContext Trace { get; init; } = TraceContext.None;

    public PublishSurface Surface { get; init; }
}
