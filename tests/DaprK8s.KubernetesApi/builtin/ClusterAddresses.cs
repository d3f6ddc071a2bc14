using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>The cluster addresses of Services: one each, of a range that nobody routes unless a node does.</summary>
/// <param name="prefix">The first two bytes of the range.</param>
internal sealed class ClusterAddresses(string prefix)
{
    private int last;

    /// <param name="live">The Service as it is; it keeps its address when an update does not name one.</param>
    public void Assign(ResourceType type, JsonObject body, JsonObject? live)
    {
        if (type.QualifiedName != "services" || body["spec"] is not JsonObject spec || (string?)spec["type"] == "ExternalName")
        {
            return;
        }

        if (string.IsNullOrEmpty((string?)spec["clusterIP"]) && (string?)live?["spec"]?["clusterIP"] is { Length: > 0 } kept)
        {
            spec["clusterIP"] = kept;
        }

        if (string.IsNullOrEmpty((string?)spec["clusterIP"]))
        {
            var next = Interlocked.Increment(ref last) + 10;
            spec["clusterIP"] = string.Create(CultureInfo.InvariantCulture, $"{prefix}.{next / 250}.{(next % 250) + 1}");
        }

        spec["clusterIPs"] ??= new JsonArray(spec["clusterIP"]!.DeepClone());
    }
}
