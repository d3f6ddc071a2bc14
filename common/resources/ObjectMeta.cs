namespace DaprK8s.Common.Resources;

/// <summary>The part of Kubernetes object metadata that matters here.</summary>
public sealed class ObjectMeta
{
    /// <summary>The name.</summary>
    public string Name { get; set; } = "";

    /// <summary>The namespace, or empty.</summary>
    public string? Namespace { get; set; }

    /// <summary>Which of all objects that ever had this name it is; given by the API server.</summary>
    public string? Uid { get; set; }

    /// <summary>Which version of it; given by the API server.</summary>
    public string? ResourceVersion { get; set; }

    /// <summary>Counts the versions of its specification, from 1; given by the API server, 0 elsewhere.</summary>
    public long Generation { get; set; }

    /// <summary>Annotations.</summary>
    public Dictionary<string, string>? Annotations { get; set; }
}
