using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>The environment variables of a container.</summary>
internal static class ContainerVariables
{
    private const string ImagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The variables.</summary>
    /// <exception cref="ContainerConfigException">Something that they come from is not there.</exception>
    public static Dictionary<string, string> Of(PodEnvironment cluster, JsonElement pod, JsonElement container, IPAddress address)
    {
        var variables = new Dictionary<string, string>
        {
            ["PATH"] = ImagePath,
            ["HOSTNAME"] = pod.Text("spec", "hostname") ?? pod.Name(),
            ["KUBERNETES_SERVICE_HOST"] = cluster.Network.ApiService.ToString(),
            ["KUBERNETES_SERVICE_PORT"] = "443",
            ["KUBERNETES_SERVICE_PORT_HTTPS"] = "443",
            ["KUBERNETES_PORT"] = string.Create(CultureInfo.InvariantCulture, $"tcp://{cluster.Network.ApiService}:443"),
        };
        foreach (var source in container.Items("envFrom"))
        {
            var (resource, reference) = source.At("secretRef") is { } secret ? ("secrets", secret) : ("configmaps", source.At("configMapRef")!.Value);
            foreach (var (key, value) in Data(cluster, pod, resource, reference) ?? [])
            {
                variables[source.Text("prefix") + key] = Encoding.UTF8.GetString(value);
            }
        }

        foreach (var entry in container.Items("env"))
        {
            if (Value(cluster, pod, container, entry, address, variables) is { } value)
            {
                variables[entry.Text("name")!] = value;
            }
        }

        return variables;
    }

    private static string? Value(
        PodEnvironment cluster, JsonElement pod, JsonElement container, JsonElement entry, IPAddress address, Dictionary<string, string> known)
    {
        if (entry.At("valueFrom") is not { } source)
        {
            return Expansion.Expand(entry.Text("value") ?? "", known);
        }

        if (source.Text("fieldRef", "fieldPath") is { } field)
        {
            return PodFields.Read(pod, field, address, cluster.Machine);
        }

        if (source.At("resourceFieldRef") is { } amount)
        {
            return PodFields.Resource(pod, container.Text("name"), amount);
        }

        var (resource, reference) = source.At("secretKeyRef") is { } secret ? ("secrets", secret) : ("configmaps", source.At("configMapKeyRef")!.Value);
        var key = reference.Text("key") ?? "";
        if (Data(cluster, pod, resource, reference) is not { } data)
        {
            return null;
        }

        return data.TryGetValue(key, out var value) ? Encoding.UTF8.GetString(value)
            : reference.Flag("optional") == true ? null
            : throw new ContainerConfigException("CreateContainerConfigError", $"couldn't find key {key} in {resource[..^1]} {pod.Namespace()}/{reference.Text("name")}");
    }

    private static Dictionary<string, byte[]>? Data(PodEnvironment cluster, JsonElement pod, string resource, JsonElement reference)
        => cluster.Objects.Find(resource, pod.Namespace(), reference.Text("name") ?? "") is { } found ? KeyedData.Of(found)
            : reference.Flag("optional") == true ? null
            : throw new ContainerConfigException("CreateContainerConfigError", $"{resource[..^1]} \"{reference.Text("name")}\" not found");
}
