namespace DaprK8s.Sidecar.Runtime;

/// <summary>Who this sidecar is.</summary>
/// <param name="AppId">The app id.</param>
/// <param name="Namespace">The namespace of env <c>NAMESPACE</c>, empty when it is not set.</param>
internal sealed record SidecarInfo(string AppId, string Namespace)
{
    /// <summary>The version in metadata, logs and the banner.</summary>
    public static string Version { get; } = "1.18.0";
}
