using System.Text.Json;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>A container that a Component brings along in its annotation (contract: k8s 3.10).</summary>
internal sealed class PluggableContainer
{
    private readonly JsonElement json;

    private PluggableContainer(JsonElement json, string fallbackName)
    {
        this.json = json;
        Shape = PodContainer.Read(json, DaprAnnotations.ComponentContainer);
        Image = PodJson.Text(json, "image", DaprAnnotations.ComponentContainer);
        Name = Shape.Name.Length > 0 ? Shape.Name : fallbackName;
        if (Image.Length == 0)
        {
            throw new MalformedPodException($"{DaprAnnotations.ComponentContainer}.image: it is missing");
        }
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>The image.</summary>
    public string Image { get; }

    /// <summary>Its variables and mounts.</summary>
    public PodContainer Shape { get; }

    /// <summary>The containers for an app: of the Components in its scope, one an image.</summary>
    /// <param name="components">The Components of the namespace.</param>
    /// <param name="appId">The app.</param>
    /// <param name="warn">Told which Component is passed over, and why.</param>
    public static IReadOnlyList<PluggableContainer> Of(IEnumerable<Component> components, string appId, Action<string> warn)
    {
        var containers = new List<PluggableContainer>();
        foreach (var component in components.Where(c => c.IsInScope(appId)).OrderBy(c => c.Name, StringComparer.Ordinal))
        {
            if (component.Metadata.Annotations?.GetValueOrDefault(DaprAnnotations.ComponentContainer) is not { Length: > 0 } text)
            {
                continue;
            }

            try
            {
                var container = new PluggableContainer(JsonElement.Parse(text), component.Name);
                if (!containers.Exists(c => c.Image == container.Image))
                {
                    containers.Add(container);
                }
            }
            catch (Exception e) when (e is JsonException or MalformedPodException)
            {
                warn($"annotation {DaprAnnotations.ComponentContainer} of Component {component.Name} is no container, the Component is passed over: {e.Message}");
            }
        }

        return containers;
    }

    /// <summary>Writes it with the folder of the sockets.</summary>
    public void Write(Utf8JsonWriter writer, PodMount sockets)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Name);
        foreach (var member in json.EnumerateObject().Where(m => m.Name is not ("name" or "env" or "volumeMounts")))
        {
            member.WriteTo(writer);
        }

        writer.WriteStartArray("env");
        foreach (var variable in PodJson.Array(json, "env", "env").Where(v => PodJson.Text(v, "name", "env") != SidecarEnvironment.ComponentSockets))
        {
            variable.WriteTo(writer);
        }

        SidecarEnvironment.WriteValue(writer, SidecarEnvironment.ComponentSockets, sockets.Path);
        writer.WriteEndArray();

        writer.WriteStartArray("volumeMounts");
        foreach (var mount in PodJson.Array(json, "volumeMounts", "volumeMounts"))
        {
            mount.WriteTo(writer);
        }

        if (!Shape.IsMounted(sockets.Volume, sockets.Path))
        {
            SidecarContainer.WriteMount(writer, sockets);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
