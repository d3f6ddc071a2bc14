using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.KubernetesApi.BuiltIn;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi;

/// <summary>
/// The objects of the cluster, in process: for the test that sets them up and looks at them, and for what stands in for controllers
/// and kubelets. The plain methods go past access rules, faults, webhooks and the record of requests; those that end with
/// <c>As...Async</c> go past access rules and faults alone.
/// </summary>
public sealed class ClusterObjects
{
    private readonly ObjectStore store;
    private readonly ResourceTypes types;
    private readonly Deleting deletes;
    private readonly Writing writes;

    internal ClusterObjects(ObjectStore store, ResourceTypes types, Deleting deletes, Writing writes)
    {
        this.store = store;
        this.types = types;
        this.deletes = deletes;
        this.writes = writes;
    }

    /// <summary>Ends at the next change of any object. Who takes it before looking misses nothing.</summary>
    public Task NextChange => store.NextChange;

    /// <summary>Creates or replaces an object; its namespace is created with it.</summary>
    /// <param name="json">The object with its <c>apiVersion</c> and <c>kind</c>.</param>
    /// <returns>It as it is stored.</returns>
    public JsonElement Put([StringSyntax(StringSyntaxAttribute.Json)] string json) => Put(JsonNode.Parse(json)!.AsObject());

    /// <summary>Creates or replaces an object; its namespace is created with it.</summary>
    public JsonElement Put(JsonObject json)
    {
        var type = TypeOf(json);
        var name = (string)json["metadata"]!["name"]!;
        var ns = NamespaceOf(type, json);
        if (type.Namespaced)
        {
            AddNamespace(ns);
        }

        if (type.Kind is "Secret" or "CustomResourceDefinition" or "Namespace")
        {
            Defaults.Apply(type, json);
        }

        return (store.Find(type, ns, name) is null ? store.Create(type, ns, json) : store.Update(type, ns, name, null, _ => json)).Body;
    }

    /// <summary>Changes an object in place, its status included.</summary>
    /// <param name="resource">Its qualified name, for example <c>pods</c> or <c>deployments.apps</c>.</param>
    /// <param name="namespace">Its namespace; empty for kinds without.</param>
    /// <param name="name">Its name.</param>
    /// <param name="change">Changes the copy that replaces it; is called again when somebody else was faster.</param>
    /// <returns>It as it is stored.</returns>
    /// <exception cref="ApiException">It is not there (404).</exception>
    public JsonElement Change(string resource, string @namespace, string name, Action<JsonObject> change)
        => deletes.Settle(store.Update(types.Named(resource), @namespace, name, null, current =>
        {
            var body = current.ToNode();
            change(body);
            return body;
        })).Body;

    /// <summary>An object as it is now.</summary>
    public JsonElement? Find(string resource, string @namespace, string name) => store.Find(types.Named(resource), @namespace, name)?.Body;

    /// <summary>The objects of a kind.</summary>
    /// <param name="resource">Its qualified name.</param>
    /// <param name="namespace">The namespace; all when absent.</param>
    /// <param name="labelSelector">Only those that match; all when absent.</param>
    public IReadOnlyList<JsonElement> List(string resource, string? @namespace = null, string? labelSelector = null)
        => [.. store.List(types.Named(resource), @namespace).Items.Where(Selectors.Parse(null, labelSelector)).Select(o => o.Body)];

    /// <summary>Removes an object at once, whatever holds it, and what it owned.</summary>
    /// <exception cref="ApiException">It is not there (404).</exception>
    public void Delete(string resource, string @namespace, string name)
    {
        var type = types.Named(resource);
        deletes.RemoveNow(store.Find(type, @namespace, name) ?? throw ApiException.NotFound(type, name));
    }

    /// <summary>Makes sure that a namespace is there.</summary>
    public void AddNamespace(string name)
    {
        var type = types.Named("namespaces");
        if (store.Find(type, "", name) is null)
        {
            var body = new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } };
            Defaults.Apply(type, body);
            store.Create(type, "", body);
        }
    }

    /// <summary>Creates an object as a user would: with defaults, webhooks, validation.</summary>
    /// <param name="json">The object with its <c>apiVersion</c> and <c>kind</c>.</param>
    /// <param name="username">Who does it, for example <c>system:serviceaccount:kube-system:replicaset-controller</c>.</param>
    /// <param name="cancellationToken">Ends the waiting for webhooks.</param>
    /// <exception cref="ApiException">It is refused.</exception>
    public async Task<JsonElement> CreateAsAsync(JsonObject json, string username, CancellationToken cancellationToken)
    {
        var type = TypeOf(json);
        var request = new ApiRequest("create", type, type.QualifiedName, type.Namespaced ? NamespaceOf(type, json) : null, "", "");
        return (await writes.CreateAsync(request, json.DeepClone().AsObject(), OptionsOf(username), cancellationToken)).Body;
    }

    /// <summary>Changes an object as a user would: with defaults, webhooks, validation.</summary>
    /// <param name="resource">Its qualified name.</param>
    /// <param name="namespace">Its namespace; empty for kinds without.</param>
    /// <param name="name">Its name.</param>
    /// <param name="change">Changes the copy that replaces it.</param>
    /// <param name="username">Who does it.</param>
    /// <param name="subresource"><c>status</c>, or empty.</param>
    /// <param name="cancellationToken">Ends the waiting for webhooks.</param>
    /// <exception cref="ApiException">It is refused, or is not there.</exception>
    public async Task<JsonElement> ChangeAsAsync(
        string resource, string @namespace, string name, Action<JsonObject> change, string username, string subresource, CancellationToken cancellationToken)
    {
        var type = types.Named(resource);
        var request = new ApiRequest("update", type, type.QualifiedName, type.Namespaced ? @namespace : null, name, subresource);
        var changed = await writes.ReplaceAsync(
            request,
            live =>
            {
                change(live);
                return live;
            },
            OptionsOf(username),
            true,
            cancellationToken);
        return changed.Body;
    }

    /// <summary>Deletes an object as a user would: pods get their time, finalizers hold, what it owns goes too.</summary>
    /// <param name="resource">Its qualified name.</param>
    /// <param name="namespace">Its namespace; empty for kinds without.</param>
    /// <param name="name">Its name.</param>
    /// <param name="username">Who does it.</param>
    /// <param name="gracePeriodSeconds">The time of a pod; 0 when its containers have ended. Its own wish when absent.</param>
    /// <param name="propagationPolicy"><c>Foreground</c>, <c>Background</c> or <c>Orphan</c>.</param>
    /// <param name="cancellationToken">Ends the waiting for webhooks.</param>
    /// <exception cref="ApiException">It is refused, or is not there.</exception>
    public async Task DeleteAsAsync(
        string resource,
        string @namespace,
        string name,
        string username,
        long? gracePeriodSeconds = null,
        string? propagationPolicy = null,
        CancellationToken cancellationToken = default)
    {
        var type = types.Named(resource);
        var request = new ApiRequest("delete", type, type.QualifiedName, type.Namespaced ? @namespace : null, name, "");
        var options = new DeleteOptions { GracePeriodSeconds = gracePeriodSeconds, PropagationPolicy = propagationPolicy };
        await writes.DeleteAsync(request, options, OptionsOf(username), cancellationToken);
    }

    /// <summary>Tells what is there (as <see cref="ChangeKind.Added"/>), and then every change, in order, none left out.</summary>
    /// <param name="resource">The kind's qualified name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<ClusterChange> WatchAsync(string resource, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var type = types.Named(resource);
        var (items, at) = store.List(type, null);
        foreach (var item in items)
        {
            yield return new ClusterChange(ChangeKind.Added, item.Namespace, item.Name, item.Body);
        }

        while (true)
        {
            IReadOnlyList<StoredChange> changes;
            Task more;
            try
            {
                (changes, at, more) = store.ChangesAfter(at);
            }
            catch (ApiException)
            {
                // A test has made the history expire; this reader sits at its source and begins anew.
                (items, at) = store.List(type, null);
                (changes, more) = ([.. items.Select(i => new StoredChange(i.Revision, i, i, false))], Task.CompletedTask);
            }

            foreach (var change in changes.Where(c => c.After.Type.StorageName == type.StorageName))
            {
                var kind = change.IsDeletion ? ChangeKind.Deleted : change.Before is null ? ChangeKind.Added : ChangeKind.Modified;
                yield return new ClusterChange(kind, change.After.Namespace, change.After.Name, change.After.Body);
            }

            await more.WaitAsync(cancellationToken);
        }
    }

    private static WriteOptions OptionsOf(string username) => new(Caller.Of(username)) { Manager = username.Split(':')[^1], FieldValidation = "Ignore" };

    private ResourceType TypeOf(JsonObject json)
        => types.Of((string)json["apiVersion"]!, (string)json["kind"]!) ?? throw new ArgumentException("a kind that is not served", nameof(json));

    private static string NamespaceOf(ResourceType type, JsonObject json) => type.Namespaced ? (string?)json["metadata"]?["namespace"] ?? "default" : "";
}
