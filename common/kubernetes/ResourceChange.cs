namespace DaprK8s.Common.Kubernetes;

/// <summary>What became of an object.</summary>
/// <param name="Before">It before; nothing when it is new.</param>
/// <param name="After">It now; nothing when it is gone.</param>
public readonly record struct ResourceChange<T>(T? Before, T? After)
    where T : class;

/// <summary>Which objects an informer is about.</summary>
public sealed record InformerScope
{
    /// <summary>Only those of this namespace.</summary>
    public string? Namespace { get; init; }

    /// <summary>Only those whose fields are so; <c>metadata.name=x</c> also satisfies access rules that name the object.</summary>
    public string? FieldSelector { get; init; }

    /// <summary>Only those whose labels are so.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>Only their metadata leave the server.</summary>
    public bool MetadataOnly { get; init; }

    /// <summary>
    /// The name of the kind, when its CRD need not be installed: as long as it isn't, the copy is empty and counts as complete, and the
    /// server is asked again from time to time.
    /// </summary>
    public string? OptionalKind { get; init; }

    internal string Query(ReadOnlySpan<string> parts)
    {
        List<string> all = [.. parts];
        if (FieldSelector is { } fields)
        {
            all.Add($"fieldSelector={Uri.EscapeDataString(fields)}");
        }

        if (LabelSelector is { } labels)
        {
            all.Add($"labelSelector={Uri.EscapeDataString(labels)}");
        }

        all.RemoveAll(string.IsNullOrEmpty);
        return string.Join('&', all);
    }
}
