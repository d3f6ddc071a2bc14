namespace DaprK8s.Common.Kubernetes;

/// <summary>A call to the API server, in the words of access rules.</summary>
/// <param name="Verb"><c>get</c>, <c>list</c>, <c>watch</c>, ...</param>
/// <param name="Group">The API group; empty for the core.</param>
/// <param name="Plural">The name in paths.</param>
/// <param name="Namespace">The namespace; nothing for all, or for kinds without.</param>
/// <param name="Subresource">Such as <c>status</c>; empty for the object itself.</param>
internal readonly record struct ApiCall(string Verb, string Group, string Plural, string? Namespace, string Subresource = "")
{
    /// <summary>The kind, such as <c>configurations.dapr.io</c>.</summary>
    public string Resource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The rule that would allow it, as it stands in a role.</summary>
    public string MissingRule
        => $"a role must allow '{Verb}' on '{Resource}' {(Namespace is { Length: > 0 } ns ? $"in namespace '{ns}'" : "in the whole cluster")}: "
            + $"apiGroups [\"{Group}\"], resources [\"{Plural}{(Subresource.Length == 0 ? "" : $"/{Subresource}")}\"], verbs [\"{Verb}\"]";

    /// <summary>A call on a kind, in a namespace or in all.</summary>
    public static ApiCall On<T>(ApiResource<T> resource, string verb, string? @namespace, string subresource = "")
        => new(verb, resource.Group, resource.Plural, @namespace, subresource);
}
