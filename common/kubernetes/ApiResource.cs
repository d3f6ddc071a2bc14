using System.Text.Json.Serialization.Metadata;

namespace DaprK8s.Common.Kubernetes;

/// <summary>A kind of object at the API server, and how its JSON is read and written here.</summary>
/// <typeparam name="T">The type that holds as much of the object as is needed; <see cref="System.Text.Json.Nodes.JsonObject"/> holds all of it.</typeparam>
/// <param name="Group">The API group; empty for the core.</param>
/// <param name="Version">The version.</param>
/// <param name="Plural">The name in paths.</param>
/// <param name="Json">Reads and writes an object.</param>
public sealed record ApiResource<T>(string Group, string Version, string Plural, JsonTypeInfo<T> Json)
{
    /// <summary>The name in log lines, in access rules and in the server's own messages: <c>pods</c>, <c>configurations.dapr.io</c>.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The path of a collection, or of an object in it.</summary>
    /// <param name="namespace">The namespace; nothing for all, or for kinds without.</param>
    /// <param name="name">The object; nothing for the collection.</param>
    /// <exception cref="ArgumentException">No object can have such a name; in a path it would lead elsewhere.</exception>
    public string Path(string? @namespace, string? name = null)
    {
        var root = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        var place = string.IsNullOrEmpty(@namespace) ? "" : $"/namespaces/{Segment(@namespace)}";
        var end = string.IsNullOrEmpty(name) ? "" : $"/{Segment(name)}";
        return $"{root}{place}/{Plural}{end}";
    }

    private static string Segment(string name)
        => name is "." or ".." || name.AsSpan().ContainsAny('/', '%', '\\')
            ? throw new ArgumentException("a name is not '.' or '..' and holds no slash or percent sign", nameof(name))
            : Uri.EscapeDataString(name);
}
