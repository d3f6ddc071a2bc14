using DaprK8s.Components.Metadata;

namespace DaprK8s.Components;

/// <summary>The building block that a component type serves; the first part of its type string.</summary>
public enum ComponentKind
{
    /// <summary><c>state.*</c></summary>
    State,

    /// <summary><c>pubsub.*</c></summary>
    PubSub,

    /// <summary><c>secretstores.*</c></summary>
    SecretStore,

    /// <summary><c>bindings.*</c></summary>
    Binding,

    /// <summary><c>configuration.*</c></summary>
    Configuration,

    /// <summary><c>lock.*</c></summary>
    Lock,

    /// <summary><c>crypto.*</c></summary>
    Crypto,

    /// <summary><c>conversation.*</c></summary>
    Conversation,

    /// <summary><c>middleware.http.*</c></summary>
    Middleware,

    /// <summary><c>nameresolution.*</c>; chosen by the Configuration, never by a Component resource.</summary>
    NameResolution,
}

/// <summary>What a provider says of itself, once: its fields and how to make an instance.</summary>
/// <param name="Description">One sentence for the component reference.</param>
/// <param name="Fields">Every metadata field it reads.</param>
/// <param name="Create">Makes an instance; must cost nothing.</param>
public sealed record ProviderDescriptor(string Description, IReadOnlyList<MetadataField> Fields, Func<IComponent> Create)
{
    /// <summary>A warning for a version that still works but should be left, or <see langword="null"/>.</summary>
    public string? DeprecationNotice { get; init; }
}

/// <summary>A line of the <see cref="ProviderCatalog"/>.</summary>
/// <param name="Kind">The building block.</param>
/// <param name="Types">Canonical type string first, then aliases, all lower case.</param>
/// <param name="Versions">Versions it answers to; <c>v1</c> answers also to an empty version and <c>v0</c>.</param>
/// <param name="Describe">Yields the descriptor; nothing of the provider is touched before it is called.</param>
public sealed record ProviderEntry(ComponentKind Kind, string[] Types, string[] Versions, Func<ProviderDescriptor> Describe);
