using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Reload;

/// <summary>Resources of one kind that claim the same name (contract: operations 3.2).</summary>
internal static class Duplicates
{
    /// <summary>A line for each clash among the resources that are for this app.</summary>
    public static IEnumerable<string> Find(string kind, IEnumerable<Resource> resources, string appId)
    {
        var byName = new Dictionary<string, Resource>(StringComparer.Ordinal);
        foreach (var resource in resources)
        {
            if (resource.IsInScope(appId) && !byName.TryAdd(resource.Name, resource))
            {
                var where = resource.Source.Length > 0 ? $" ({resource.Source})" : "";
                yield return $"duplicate definition of {kind} name {LogName(resource)} with existing {LogName(byName[resource.Name])}{where}";
            }
        }
    }

    private static string LogName(Resource resource) => resource is Component component ? component.LogName : resource.Name;
}
