namespace DaprK8s.Injector.Pods;

/// <summary>A volume mounted into a container.</summary>
internal readonly record struct PodMount(string Volume, string Path, bool IsReadOnly = false);
