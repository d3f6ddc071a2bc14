using System.Collections.Concurrent;

namespace DaprK8s.KubernetesApi.Kinds;

/// <summary>The kinds that are served now; a test may take one away or add its own, as installing and deleting a CRD does.</summary>
public sealed class ResourceTypes
{
    private readonly ConcurrentDictionary<string, ResourceType> types = new();

    internal ResourceTypes()
    {
        Serve(new ResourceType("", "v1", "namespaces", "Namespace", Namespaced: false, HasStatus: true));
        Serve(new ResourceType("", "v1", "pods", "Pod", HasStatus: true));
        Serve(new ResourceType("", "v1", "secrets", "Secret"));
        Serve(new ResourceType("", "v1", "configmaps", "ConfigMap"));
        Serve(new ResourceType("", "v1", "serviceaccounts", "ServiceAccount"));
        Serve(new ResourceType("", "v1", "events", "Event"));
        Serve(new ResourceType("coordination.k8s.io", "v1", "leases", "Lease"));
        foreach (var (plural, kind) in new[]
        {
            ("components", "Component"), ("configurations", "Configuration"), ("resiliencies", "Resiliency"),
            ("httpendpoints", "HTTPEndpoint"), ("mcpservers", "MCPServer"), ("workflowaccesspolicies", "WorkflowAccessPolicy"),
        })
        {
            Serve(new ResourceType("dapr.io", "v1alpha1", plural, kind, UpdatesNeedVersion: true));
        }

        Serve(new ResourceType("dapr.io", "v2alpha1", "subscriptions", "Subscription", UpdatesNeedVersion: true));
    }

    /// <summary>Serves a kind from now on.</summary>
    public void Serve(ResourceType type) => types[type.QualifiedName] = type;

    /// <summary>Stops serving a kind: its paths answer 404, as they do before its CRD is there.</summary>
    /// <param name="qualifiedName">For example <c>configurations.dapr.io</c>.</param>
    public ResourceType Withdraw(string qualifiedName)
        => types.TryRemove(qualifiedName, out var type) ? type : throw new ArgumentException($"{qualifiedName} is not served", nameof(qualifiedName));

    internal ResourceType Named(string qualifiedName)
        => types.TryGetValue(qualifiedName, out var type) ? type : throw new ArgumentException($"{qualifiedName} is not served", nameof(qualifiedName));

    internal ResourceType? At(string group, string version, string plural)
        => types.TryGetValue(group.Length == 0 ? plural : $"{plural}.{group}", out var type) && type.Version == version ? type : null;

    internal ResourceType? Of(string apiVersion, string kind) => types.Values.FirstOrDefault(t => t.ApiVersion == apiVersion && t.Kind == kind);
}
