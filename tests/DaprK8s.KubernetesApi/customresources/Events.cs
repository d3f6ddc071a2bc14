using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.CustomResources;

/// <summary>Events are served twice, by the core and by <c>events.k8s.io</c>, with other names for the same fields.</summary>
internal static class Events
{
    private static readonly (string Core, string New)[] Fields =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ];

    public static JsonObject Convert(JsonObject source, ResourceType wanted)
    {
        var result = source.DeepClone().AsObject();
        foreach (var (core, @new) in Fields)
        {
            var (from, to) = wanted.Group.Length == 0 ? (@new, core) : (core, @new);
            if (result[from] is { } value)
            {
                result.Remove(from);
                result[to] = value;
            }
        }

        result["apiVersion"] = wanted.ApiVersion;
        return result;
    }
}
