using DaprK8s.KubernetesApi.Kinds;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>What a request asks for, read from its method and path.</summary>
/// <param name="Verb"><c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c>, <c>delete</c>, <c>deletecollection</c>.</param>
/// <param name="Type">The kind; nothing for a virtual resource such as a token review.</param>
/// <param name="Resource">The kind's qualified name.</param>
/// <param name="Namespace">The namespace; nothing for all, or for kinds without.</param>
/// <param name="Name">The object's name; empty for the collection.</param>
/// <param name="Subresource"><c>status</c>, or empty.</param>
internal sealed record ApiRequest(string Verb, ResourceType? Type, string Resource, string? Namespace, string Name, string Subresource)
{
    private const string NameSelector = "metadata.name=";

    public const string TokenReviews = "tokenreviews.authentication.k8s.io";

    /// <summary>Resources that are only asked, never kept.</summary>
    public static readonly IReadOnlyList<ResourceType> Questions =
    [
        new("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false),
        new("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false),
        new("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false),
        new("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
        new("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
        new("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview"),
    ];

    /// <summary>The name that access rules see: a list that selects one object by name counts as for that object.</summary>
    public string RuleName { get; init; } = Name;

    /// <summary>The group, or nothing for the core.</summary>
    public string Group => Resource.Split('.', 2).ElementAtOrDefault(1) ?? "";

    /// <summary>The plural alone.</summary>
    public string Plural => Resource.Split('.', 2)[0];

    /// <summary>Reads a request.</summary>
    /// <exception cref="ApiException">Nothing is served there.</exception>
    public static ApiRequest Read(HttpRequest request, ResourceTypes types)
    {
        var parts = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        (string group, string version, string[] rest) = parts switch
        {
            ["api", var v, .. var r] => ("", v, r),
            ["apis", var g, var v, .. var r] => (g, v, r),
            _ => throw ApiException.NoSuchPath(),
        };
        string? @namespace = null;
        if (rest is ["namespaces", var n, _, ..])
        {
            // A namespace's own status has the same shape as a collection in it.
            (@namespace, rest) = rest is ["namespaces", _, "status" or "finalize"] ? (null, rest) : (n, rest[2..]);
        }

        if (Questions.FirstOrDefault(q => q.Group == group && q.Version == version && rest is [var only] && only == q.Plural) is { } question)
        {
            return HttpMethods.IsPost(request.Method)
                ? new ApiRequest("create", null, question.QualifiedName, @namespace, "", "")
                : throw NotAllowed();
        }

        var type = types.At(group, version, rest.ElementAtOrDefault(0) ?? "") ?? throw ApiException.NoSuchPath();
        var name = rest.ElementAtOrDefault(1) ?? "";
        var sub = rest.ElementAtOrDefault(2) ?? "";
        var hasSub = sub.Length == 0 || (sub == "status" && type.HasStatus) || (sub == "scale" && type.Scale is not null) || type.Subresources.Contains(sub);
        if ((rest.Length > 3 && sub != "proxy") || !hasSub || (!type.Namespaced && @namespace is not null) || (type.Namespaced && @namespace is null && name.Length > 0))
        {
            throw ApiException.NoSuchPath();
        }

        var selector = (string?)request.Query["fieldSelector"];
        return new ApiRequest(VerbOf(request, name, sub), type, type.QualifiedName, @namespace, name, sub)
        {
            RuleName = name.Length == 0 && selector?.StartsWith(NameSelector, StringComparison.Ordinal) == true && !selector.Contains(',')
                ? selector[NameSelector.Length..]
                : name,
        };
    }

    private static string VerbOf(HttpRequest request, string name, string sub) => (request.Method, name.Length > 0) switch
    {
        ("GET" or "HEAD", true) => "get",
        ("GET" or "HEAD", false) => (string?)request.Query["watch"] is "true" or "1" ? "watch" : "list",
        ("POST", false) => "create",
        ("POST", true) when sub is "token" or "eviction" or "binding" or "proxy" => "create",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => throw NotAllowed(),
    };

    private static ApiException NotAllowed() => new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}
