using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Reload;

/// <summary>What a sidecar starts with.</summary>
/// <param name="Configuration">Laid over the built-in defaults.</param>
/// <param name="Resources">All resources of its namespace, before scopes and duplicates are looked at.</param>
internal sealed record LoadedResources(Configuration Configuration, ResourceSet Resources);
