using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>Fields of a pod and amounts of its containers, as variables and files of the downward API show them.</summary>
internal static class PodFields
{
    public static string Read(JsonElement pod, string path, IPAddress address, IPAddress machine)
    {
        var key = path.IndexOf("['", StringComparison.Ordinal);
        if (key > 0 && path.EndsWith("']", StringComparison.Ordinal))
        {
            return pod.Text([.. path[..key].Split('.'), path[(key + 2)..^2]]) ?? "";
        }

        return path switch
        {
            "status.podIP" or "status.podIPs" => address.ToString(),
            "status.hostIP" or "status.hostIPs" => machine.ToString(),
            "spec.nodeName" => Kubelet.NodeName,
            "spec.serviceAccountName" => PodSpecs.ServiceAccount(pod),
            "metadata.labels" or "metadata.annotations" => Lines(pod.Members(path.Split('.'))),
            "metadata.name" or "metadata.namespace" or "metadata.uid" => pod.Text(path.Split('.')) ?? "",
            _ => throw new ContainerConfigException("CreateContainerConfigError", $"unsupported fieldPath: {path}"),
        };
    }

    /// <summary>An amount of <c>limits.memory</c> and the like, in the unit of the divisor.</summary>
    public static string Resource(JsonElement pod, string? containerName, JsonElement reference)
    {
        var name = reference.Text("containerName") ?? containerName;
        var container = PodSpecs.AllContainers(pod).FirstOrDefault(c => c.Text("name") == name);
        var path = (reference.Text("resource") ?? "").Split('.', 2);
        var amount = container.ValueKind == JsonValueKind.Undefined ? null : container.Text(["resources", .. path]);
        // Without a limit it is what the machine has.
        amount ??= path is ["limits", "memory"] ? "16Gi" : path is ["limits", "cpu"] ? Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture) : "0";
        return Math.Ceiling(Quantity(amount) / Quantity(reference.Text("divisor") is { } d and not "0" ? d : "1")).ToString(CultureInfo.InvariantCulture);
    }

    private static decimal Quantity(string text)
    {
        (string Suffix, decimal Factor)[] units =
        [
            ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40),
            ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m),
        ];
        foreach (var (suffix, factor) in units)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                return decimal.Parse(text[..^suffix.Length], CultureInfo.InvariantCulture) * factor;
            }
        }

        return decimal.Parse(text, CultureInfo.InvariantCulture);
    }

    private static string Lines(IEnumerable<JsonProperty> members)
    {
        var text = new StringBuilder();
        foreach (var member in members.OrderBy(m => m.Name, StringComparer.Ordinal))
        {
            text.Append(text.Length > 0 ? "\n" : "").Append(CultureInfo.InvariantCulture, $"{member.Name}=\"{member.Value.GetString()}\"");
        }

        return text.ToString();
    }
}
