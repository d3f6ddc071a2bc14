using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Resources;

namespace DaprK8s.Operator.Services;

/// <summary>A Service that a workload owns, as far as the reconciler must know it.</summary>
internal sealed class OwnedService : IApiObject
{
    /// <inheritdoc/>
    public required ObjectMeta Metadata { get; init; }

    /// <summary>The kind of the owner; empty when there is none.</summary>
    public required string OwnerKind { get; init; }

    /// <summary>The name of the owner.</summary>
    public required string OwnerName { get; init; }

    /// <summary>What of it is the operator's.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Reads a Service.</summary>
    public static OwnedService Read(JsonElement json) => Read(JsonObject.Create(json.Clone())!);

    /// <summary>Reads a Service.</summary>
    public static OwnedService Read(JsonObject service)
    {
        var metadata = service.Member("metadata");
        var owner = metadata.Member("ownerReferences").Objects().FirstOrDefault(o => o.Member("controller") is JsonValue v && v.TryGetValue(out bool is_) && is_);
        return new OwnedService
        {
            Metadata = new ObjectMeta
            {
                Name = metadata.Member("name").Text(),
                Namespace = metadata.Member("namespace").Text(),
                ResourceVersion = metadata.Member("resourceVersion").Text(),
            },
            OwnerKind = owner.Member("kind").Text(),
            OwnerName = owner.Member("name").Text(),
            Fingerprint = SidecarService.Fingerprint(service),
        };
    }
}
