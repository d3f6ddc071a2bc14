using System.Text.Json;

namespace DaprK8s.Injector.Pods;

/// <summary>A container of a pod.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Env">The names of its environment variables.</param>
/// <param name="Mounts">Its volume mounts.</param>
internal sealed record PodContainer(string Name, IReadOnlyList<string> Env, IReadOnlyList<PodMount> Mounts)
{
    /// <summary>Reads a container.</summary>
    /// <param name="json">The container.</param>
    /// <param name="path">Where it stands, for the error.</param>
    /// <exception cref="MalformedPodException">It is none.</exception>
    public static PodContainer Read(JsonElement json, string path)
        => new(
            PodJson.Text(json, "name", path),
            [.. PodJson.Array(json, "env", path + ".env").Select(e => PodJson.Text(e, "name", path + ".env"))],
            [.. PodJson.Array(json, "volumeMounts", path + ".volumeMounts").Select(m => ReadMount(m, path + ".volumeMounts"))]);

    /// <summary>Whether a mount would clash with one that is there.</summary>
    public bool IsMounted(string volume, string path) => Mounts.Any(m => m.Volume == volume || m.Path == path);

    private static PodMount ReadMount(JsonElement json, string path) => new(PodJson.Text(json, "name", path), PodJson.Text(json, "mountPath", path));
}
