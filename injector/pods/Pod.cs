using System.Text.Json;

namespace DaprK8s.Injector.Pods;

/// <summary>
/// As much of a pod as a decision and a patch need, read straight from the JSON of the request; everything else of it is neither read
/// nor judged.
/// </summary>
internal sealed class Pod
{
    private Pod(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new MalformedPodException($"expected an object, found {PodJson.Describe(json)}");
        }

        var metadata = PodJson.Object(json, "metadata", "metadata");
        var spec = PodJson.Object(json, "spec", "spec");
        Name = PodJson.Text(metadata, "name", "metadata");
        HasLabels = PodJson.Object(metadata, "labels", "metadata.labels") is { ValueKind: JsonValueKind.Object } labels && labels.EnumerateObject().Any();
        Containers = ReadContainers(spec, "containers");
        InitContainers = ReadContainers(spec, "initContainers");
        Volumes = [.. PodJson.Array(spec, "volumes", "spec.volumes").Select(v => PodJson.Text(v, "name", "spec.volumes"))];
        Tolerations = [.. PodJson.Array(spec, "tolerations", "spec.tolerations").Select(t => Toleration.Read(t, "spec.tolerations"))];
    }

    /// <summary>The name; empty while only <c>generateName</c> is there, as in pods of controllers.</summary>
    public string Name { get; }

    /// <summary>Whether there is any label.</summary>
    public bool HasLabels { get; }

    /// <summary>The containers, in order.</summary>
    public IReadOnlyList<PodContainer> Containers { get; }

    /// <summary>The init containers, in order.</summary>
    public IReadOnlyList<PodContainer> InitContainers { get; }

    /// <summary>The names of the volumes.</summary>
    public IReadOnlyList<string> Volumes { get; }

    /// <summary>The tolerations.</summary>
    public IReadOnlyList<Toleration> Tolerations { get; }

    /// <summary>Reads a pod.</summary>
    /// <exception cref="MalformedPodException">It is none.</exception>
    public static Pod Read(JsonElement json) => new(json);

    private static List<PodContainer> ReadContainers(JsonElement spec, string list)
        => [.. PodJson.Array(spec, list, "spec." + list).Select(c => PodContainer.Read(c, "spec." + list))];
}
