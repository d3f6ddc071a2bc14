using System.Text.Json.Serialization;
using DaprK8s.Common.Kubernetes;

namespace DaprK8s.Common.Resources;

/// <summary>What every <c>dapr.io</c> resource has (contract: k8s 1.1).</summary>
public abstract class Resource : IApiObject
{
    /// <summary><c>dapr.io/v1alpha1</c> or <c>dapr.io/v2alpha1</c>.</summary>
    public string ApiVersion { get; set; } = "";

    /// <summary>The kind.</summary>
    public string Kind { get; set; } = "";

    /// <summary>Name and namespace.</summary>
    public ObjectMeta Metadata { get; set; } = new();

    /// <summary>
    /// App ids that the resource is for. Absent or empty means every app of the namespace; sidecars of other apps do not load it.
    /// Example: <c>[checkout, shipping]</c>.
    /// </summary>
    public List<string>? Scopes { get; set; }

    /// <summary>How the resource fares in the sidecars that use it. Written by the operator, never by you.</summary>
    public ResourceStatus? Status { get; set; }

    /// <summary>The resource's name.</summary>
    [JsonIgnore]
    public string Name => Metadata.Name;

    /// <summary>Where it was read: <c>file.yaml</c>, or empty for a resource from the API.</summary>
    [JsonIgnore]
    public string Source { get; set; } = "";

    /// <summary>
    /// Why the operator could not put the cluster's Secrets into it, or <see langword="null"/>: see <see cref="SecretProblems"/>. Set of
    /// what an operator sends only.
    /// </summary>
    [JsonIgnore]
    public string? SecretProblem { get; set; }

    /// <summary>Whether it is for this app.</summary>
    public bool IsInScope(string appId) => Scopes is not { Count: > 0 } || Scopes.Contains(appId);
}
