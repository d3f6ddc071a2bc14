using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi;

/// <summary>The objects of the cluster, for the test that sets them up and looks at them: past access rules, faults and the record of requests.</summary>
public sealed class ClusterObjects
{
    private readonly ObjectStore store;
    private readonly ResourceTypes types;

    internal ClusterObjects(ObjectStore store, ResourceTypes types)
    {
        this.store = store;
        this.types = types;
    }

    /// <summary>Ends at the next change of any object. Who takes it before looking misses nothing.</summary>
    public Task NextChange => store.NextChange;

    /// <summary>Creates or replaces an object; its namespace is created with it.</summary>
    /// <param name="json">The object with its <c>apiVersion</c> and <c>kind</c>.</param>
    /// <returns>It as it is stored.</returns>
    public JsonElement Put([System.Diagnostics.CodeAnalysis.StringSyntax(System.Diagnostics.CodeAnalysis.StringSyntaxAttribute.Json)] string json)
        => Put(JsonNode.Parse(json)!.AsObject());

    /// <summary>Creates or replaces an object; its namespace is created with it.</summary>
    public JsonElement Put(JsonObject json)
    {
        var type = types.Of((string)json["apiVersion"]!, (string)json["kind"]!) ?? throw new ArgumentException("a kind that is not served", nameof(json));
        var name = (string)json["metadata"]!["name"]!;
        var ns = type.Namespaced ? (string?)json["metadata"]!["namespace"] ?? "default" : "";
        if (type.Namespaced)
        {
            AddNamespace(ns);
        }

        return (store.Find(type, ns, name) is null ? store.Create(type, ns, json) : store.Update(type, ns, name, null, _ => json)).Body;
    }

    /// <summary>Changes an object in place.</summary>
    public void Change(string resource, string @namespace, string name, Action<JsonObject> change)
        => store.Update(types.Named(resource), @namespace, name, null, current =>
        {
            var body = current.ToNode();
            change(body);
            return body;
        });

    /// <summary>An object as it is now.</summary>
    public JsonElement? Find(string resource, string @namespace, string name) => store.Find(types.Named(resource), @namespace, name)?.Body;

    /// <summary>The objects of a kind.</summary>
    public IReadOnlyList<JsonElement> List(string resource, string? @namespace = null)
        => [.. store.List(types.Named(resource), @namespace).Items.Select(o => o.Body)];

    /// <summary>Removes an object.</summary>
    public void Delete(string resource, string @namespace, string name) => store.Delete(types.Named(resource), @namespace, name);

    /// <summary>Makes sure that a namespace is there.</summary>
    public void AddNamespace(string name)
    {
        var type = types.Named("namespaces");
        if (store.Find(type, "", name) is null)
        {
            store.Create(type, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
        }
    }
}
