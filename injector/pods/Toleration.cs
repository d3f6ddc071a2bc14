using System.Text.Json;

namespace DaprK8s.Injector.Pods;

/// <summary>A toleration; two are the same when all of their fields are.</summary>
internal sealed record Toleration(string Key, string Operator, string Value, string Effect, long? Seconds)
{
    /// <summary>Reads a toleration.</summary>
    /// <param name="json">The toleration.</param>
    /// <param name="path">Where it stands, for the error.</param>
    /// <exception cref="MalformedPodException">It is none.</exception>
    public static Toleration Read(JsonElement json, string path)
        => new(
            PodJson.Text(json, "key", path),
            PodJson.Text(json, "operator", path),
            PodJson.Text(json, "value", path),
            PodJson.Text(json, "effect", path),
            PodJson.Number(json, "tolerationSeconds", path));
}
