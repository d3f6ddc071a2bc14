using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster.Objects;

/// <summary>Events about objects; one that repeats is counted.</summary>
internal sealed class EventRecorder(ClusterObjects objects)
{
    private readonly ConcurrentDictionary<(string Uid, string Reason, string Message), (string Name, int Count)> known = new();

    /// <summary>Records an event.</summary>
    public void Record(JsonElement about, string component, string type, string reason, string message)
    {
        var (name, count) = known.AddOrUpdate(
            (about.Uid(), reason, message),
            _ => ($"{about.Name()}.{Guid.NewGuid().ToString("N")[..16]}", 1),
            (_, old) => (old.Name, old.Count + 1));
        try
        {
            if (count > 1)
            {
                objects.Change("events", about.Namespace(), name, e => (e["count"], e["lastTimestamp"]) = (count, Times.Now));
                return;
            }

            objects.Put(new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Event",
                ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = about.Namespace() },
                ["involvedObject"] = new JsonObject
                {
                    ["apiVersion"] = about.Text("apiVersion"),
                    ["kind"] = about.Text("kind"),
                    ["name"] = about.Name(),
                    ["namespace"] = about.Namespace(),
                    ["uid"] = about.Uid(),
                },
                ["type"] = type,
                ["reason"] = reason,
                ["message"] = message,
                ["count"] = 1,
                ["source"] = new JsonObject { ["component"] = component },
                ["reportingComponent"] = component,
                ["firstTimestamp"] = Times.Now,
                ["lastTimestamp"] = Times.Now,
            });
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Events are told when they can be; a namespace that is going away takes none.
        }
    }
}
