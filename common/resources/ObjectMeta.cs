namespace DaprK8s.Common.Resources;

/// <summary>The part of Kubernetes object metadata that matters here.</summary>
public sealed class ObjectMeta
{
    /// <summary>The name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The namespace, or empty.</summary>
    public string? Namespace { get; init; }

    /// <summary>Which of all objects that ever had this name it is; given by the API server.</summary>
    public string? Uid { get; init; }

    /// <summary>Which version of it; given by the API server.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts the versions of its specification, from 1; given by the API server, 0 elsewhere.</summary>
    public long Generation { get; init; }

    /// <summary>Annotations.</summary>
    public Dictionary<string, string>? Annotations { get; init; }
}
