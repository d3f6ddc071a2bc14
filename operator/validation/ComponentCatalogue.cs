using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DaprK8s.Operator.Validation;

/// <summary>Every component type that there is, from <c>catalogue/components.json</c>, which is generated from the providers.</summary>
internal sealed class ComponentCatalogue
{
    /// <summary>Settings that the sidecar itself reads, whatever the provider (contract: components 2.8 to 2.11, messaging 1.9).</summary>
    private static readonly FrozenDictionary<string, string[]> OfSidecar = new Dictionary<string, string[]>
    {
        ["state"] =
        [
            "keyPrefix", "actorStateStore", "outboxPublishPubsub", "outboxPublishTopic", "outboxPubsub", "outboxDiscardWhenMissingState",
            "primaryEncryptionKey", "secondaryEncryptionKey",
        ],
        ["pubsub"] = ["consumerID", "concurrencyMode", "allowedTopics", "protectedTopics", "publishingScopes", "subscriptionScopes"],
        ["bindings"] = ["direction", "route"],
        ["lock"] = ["keyPrefix"],
    }.ToFrozenDictionary();

    private readonly FrozenDictionary<string, CatalogueEntry[]> byType;

    private ComponentCatalogue(CatalogueEntry[] entries)
        => byType = entries.SelectMany(e => e.Types.Select(t => (Type: t, Entry: e)))
            .GroupBy(x => x.Type, x => x.Entry).ToFrozenDictionary(g => g.Key, g => g.ToArray(), StringComparer.OrdinalIgnoreCase);

    /// <summary>All types, other names included.</summary>
    public IReadOnlyCollection<string> Types => byType.Keys;

    /// <summary>The parts of a type before its first dot.</summary>
    public static IReadOnlyList<string> Categories { get; } =
        ["state", "pubsub", "bindings", "secretstores", "configuration", "lock", "crypto", "conversation", "middleware"];

    /// <summary>Reads the catalogue of this build.</summary>
    public static ComponentCatalogue Load()
    {
        using var file = typeof(ComponentCatalogue).Assembly.GetManifestResourceStream("components.json")
            ?? throw new InvalidOperationException("the component catalogue is missing from this build");
        return new ComponentCatalogue(JsonSerializer.Deserialize(file, CatalogueJson.Default.CatalogueEntryArray)!);
    }

    /// <summary>The versions of a type, the one of an empty version first; nothing for a type that there is not.</summary>
    public IReadOnlyList<CatalogueEntry> Find(string type) => byType.TryGetValue(type, out var entries) ? entries : [];

    /// <summary>The settings that a component of a category may have whatever its type.</summary>
    public static IReadOnlyList<string> CommonFields(string category) => OfSidecar.TryGetValue(category, out var fields) ? fields : [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CatalogueEntry[]))]
internal sealed partial class CatalogueJson : JsonSerializerContext;
