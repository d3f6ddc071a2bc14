using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace DaprK8s.Components;

/// <summary>
/// Every provider of this build, found by type and version. The lines are in <c>Catalog.cs</c>, one a provider; nothing of a
/// provider is loaded before its line is asked for a descriptor.
/// </summary>
public static partial class ProviderCatalog
{
    private static readonly FrozenDictionary<string, ProviderEntry[]> ByType =
        Entries().SelectMany(e => e.Types.Select(t => (Type: t, Entry: e)))
            .GroupBy(x => x.Type, x => x.Entry)
            .ToFrozenDictionary(g => g.Key, g => g.ToArray(), StringComparer.OrdinalIgnoreCase);

    /// <summary>All lines.</summary>
    public static IReadOnlyList<ProviderEntry> All { get; } = Entries();

    /// <summary>Finds the provider of a type and version, both compared without case.</summary>
    public static bool TryFind(string type, string version, [NotNullWhen(true)] out ProviderEntry? entry)
    {
        entry = null;
        if (!ByType.TryGetValue(type, out var entries))
        {
            return false;
        }

        var wanted = NormaliseVersion(version);
        entry = Array.Find(entries, e => e.Versions.Contains(wanted, StringComparer.Ordinal));
        return entry is not null;
    }

    /// <summary>The versions known for a type, for the text of an error; empty when the type itself is unknown.</summary>
    public static IReadOnlyList<string> VersionsOf(string type)
        => ByType.TryGetValue(type, out var entries) ? [.. entries.SelectMany(e => e.Versions)] : [];

    /// <summary>Lower case; nothing and <c>v0</c> mean <c>v1</c>.</summary>
    public static string NormaliseVersion(string version)
        => version.ToLowerInvariant() is var v && v is "" or "v0" ? "v1" : v;
}
