using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Kinds;

/// <summary>
/// The kinds that are served now: those of every cluster, and what CustomResourceDefinitions add. A test may take one away or
/// add its own without a definition.
/// </summary>
public sealed class ResourceTypes
{
    private readonly Lock gate = new();
    // Copied on write: requests read without a lock.
    private volatile IReadOnlyList<ResourceType> types = [];

    internal ResourceTypes(bool withDapr)
    {
        types = [.. BuiltInKinds.All()];
        if (!withDapr)
        {
            return;
        }

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

    /// <summary>The served kinds.</summary>
    public IReadOnlyList<ResourceType> All => types;

    /// <summary>Serves a kind from now on.</summary>
    public void Serve(ResourceType type)
    {
        lock (gate)
        {
            types = [.. types.Where(t => t.QualifiedName != type.QualifiedName || t.Version != type.Version), type];
        }
    }

    /// <summary>Stops serving a kind: its paths answer 404, as they do before its CRD is there.</summary>
    /// <param name="qualifiedName">For example <c>configurations.dapr.io</c>.</param>
    public ResourceType Withdraw(string qualifiedName)
    {
        lock (gate)
        {
            var type = Named(qualifiedName);
            types = [.. types.Where(t => t.QualifiedName != qualifiedName)];
            return type;
        }
    }

    /// <summary>A kind in the version that it is stored in.</summary>
    internal ResourceType Named(string qualifiedName)
    {
        ResourceType? any = null;
        foreach (var type in types)
        {
            if (type.QualifiedName == qualifiedName)
            {
                if (type.IsStored)
                {
                    return type;
                }

                any = type;
            }
        }

        return any ?? throw new ArgumentException($"{qualifiedName} is not served", nameof(qualifiedName));
    }

    internal ResourceType? At(string group, string version, string plural)
        => types.FirstOrDefault(t => t.Plural == plural && t.Group == group && t.Version == version);

    internal ResourceType? Of(string apiVersion, string kind) => types.FirstOrDefault(t => t.Kind == kind && t.ApiVersion == apiVersion);

    /// <summary>The version of a kind that its objects are stored in.</summary>
    internal ResourceType StorageOf(ResourceType type)
        => type.IsStored ? type : types.FirstOrDefault(t => t.QualifiedName == type.StorageName && t.IsStored) ?? type;

    /// <summary>Serves what a definition defines, and nothing else of that name.</summary>
    internal void Follow(StoredChange change)
    {
        if (change.After.Type.Plural != "customresourcedefinitions")
        {
            return;
        }

        lock (gate)
        {
            var served = change.IsDeletion ? [] : Definition.TypesOf(change.After.Body);
            types = [.. types.Where(t => t.QualifiedName != change.After.Name), .. served];
        }
    }
}
