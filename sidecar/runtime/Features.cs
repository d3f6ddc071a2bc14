using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>The preview features that are on (contract: operations 2.5).</summary>
internal static class Features
{
    /// <summary>Resources are watched and applied while the sidecar runs.</summary>
    public const string HotReload = "HotReload";

    private static readonly string[] OnByDefault = [HotReload, "WorkflowsRemoteActivityReminder"];

    /// <summary>The names, for logs and metadata. Unknown names are accepted.</summary>
    public static IReadOnlyList<string> Enabled(IReadOnlyList<FeatureSpec>? specs)
    {
        var named = (specs ?? []).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        return [.. (specs ?? []).Where(s => s.Enabled).Select(s => s.Name), .. OnByDefault.Where(f => !named.Contains(f))];
    }
}
