using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>What a binding's metadata say to the runtime (contract: components 5.1, messaging 4.2).</summary>
internal static class BindingSettings
{
    private const string DirectionItem = "direction";
    private const string RouteItem = "route";

    /// <summary>Whether the metadata settle that the binding is read, or that it isn't; <see langword="null"/> leaves it to the app.</summary>
    public static bool? IsInput(ComponentHandle component)
    {
        var items = component.Metadata?.Items.Where(i => i.Key.Equals(DirectionItem, StringComparison.OrdinalIgnoreCase)).Select(i => i.Value).ToList() ?? [];
        return items is [{ Length: > 0 } text, ..]
            ? text.Split(',', StringSplitOptions.TrimEntries).Contains("input", StringComparer.OrdinalIgnoreCase)
            : null;
    }

    /// <summary>The app's path for its events, with the leading slash.</summary>
    public static string PathOf(ComponentHandle component)
    {
        var route = component.Metadata?.Items.GetValueOrDefault(RouteItem) is { Length: > 0 } own ? own : component.Name;
        return route.StartsWith('/') ? route : "/" + route;
    }
}
