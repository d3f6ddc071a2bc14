namespace DaprK8s.KubernetesApi.Kinds;

/// <summary>A kind of object that the API server serves.</summary>
/// <param name="Group">The API group; empty for the core.</param>
/// <param name="Version">The version.</param>
/// <param name="Plural">The name in paths.</param>
/// <param name="Kind">The name in objects.</param>
/// <param name="Namespaced">Objects live in a namespace.</param>
/// <param name="HasStatus">The status is written through a subresource of its own, and only there.</param>
/// <param name="UpdatesNeedVersion">An update without <c>resourceVersion</c> is refused, as for custom resources.</param>
public sealed record ResourceType(
    string Group, string Version, string Plural, string Kind, bool Namespaced = true, bool HasStatus = false, bool UpdatesNeedVersion = false)
{
    /// <summary><c>v1</c> or <c>dapr.io/v1alpha1</c>.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The name that rules and error texts use: <c>pods</c>, <c>configurations.dapr.io</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}
