using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>
/// The objects of the cluster under one revision counter, with the history that watches continue from. Writes are optimistic, as
/// etcd's are: an update that names another <c>resourceVersion</c> than the stored one is a conflict.
/// </summary>
internal sealed class ObjectStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, SortedDictionary<string, StoredObject>> objects = [];
    private readonly List<StoredChange> history = [];
    private long revision = 1000;
    private long compacted = 1000;
    private TaskCompletionSource changed = NewSignal();

    public long Revision
    {
        get
        {
            lock (gate)
            {
                return revision;
            }
        }
    }

    /// <summary>Ends at the next change of any object.</summary>
    public Task NextChange
    {
        get
        {
            lock (gate)
            {
                return changed.Task;
            }
        }
    }

    public StoredObject? Find(ResourceType type, string @namespace, string name)
    {
        lock (gate)
        {
            return Of(type).GetValueOrDefault(StoredObject.KeyOf(@namespace, name));
        }
    }

    /// <summary>The objects of a kind, in the order of their names, and the revision that this is true at.</summary>
    public (IReadOnlyList<StoredObject> Items, long Revision) List(ResourceType type, string? @namespace)
    {
        lock (gate)
        {
            return ([.. Of(type).Values.Where(o => @namespace is null || o.Namespace == @namespace)], revision);
        }
    }

    public StoredObject Create(ResourceType type, string @namespace, JsonObject body)
    {
        var metadata = body["metadata"]?.AsObject() ?? throw ApiException.BadRequest("metadata is missing");
        var name = (string?)metadata["name"];
        if (string.IsNullOrEmpty(name))
        {
            name = (string?)metadata["generateName"] is { Length: > 0 } prefix
                ? prefix + Guid.NewGuid().ToString("N")[..5]
                : throw ApiException.Invalid(type, "", "metadata.name: Required value: name or generateName is required");
        }

        lock (gate)
        {
            if (Of(type).ContainsKey(StoredObject.KeyOf(@namespace, name)))
            {
                throw ApiException.AlreadyExists(type, name);
            }

            metadata["name"] = name;
            metadata["uid"] = Guid.NewGuid().ToString();
            metadata["creationTimestamp"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            metadata["generation"] = 1;
            return Put(type, @namespace, name, body, null);
        }
    }

    /// <summary>Replaces an object by what <paramref name="change"/> makes of the stored one.</summary>
    /// <param name="expected">The <c>resourceVersion</c> that the caller read; nothing means any.</param>
    public StoredObject Update(ResourceType type, string @namespace, string name, string? expected, Func<StoredObject, JsonObject> change)
    {
        lock (gate)
        {
            var current = Of(type).GetValueOrDefault(StoredObject.KeyOf(@namespace, name)) ?? throw ApiException.NotFound(type, name);
            if (!string.IsNullOrEmpty(expected) && expected != current.Revision.ToString(CultureInfo.InvariantCulture))
            {
                throw ApiException.Conflict(type, name);
            }

            var body = change(current);
            var metadata = body["metadata"]!.AsObject();
            foreach (var kept in (string[])["name", "namespace", "uid", "creationTimestamp", "resourceVersion"])
            {
                metadata[kept] = current.Text("metadata", kept);
            }

            var specChanged = !JsonNode.DeepEquals(body["spec"], JsonObject.Create(current.Body)!["spec"]);
            metadata["generation"] = long.Parse(current.Text("metadata", "generation") ?? "1", CultureInfo.InvariantCulture) + (specChanged ? 1 : 0);
            // A write that changes nothing is no event.
            return JsonNode.DeepEquals(body, JsonObject.Create(current.Body)) ? current : Put(type, @namespace, name, body, current);
        }
    }

    public StoredObject Delete(ResourceType type, string @namespace, string name, string? uid = null)
    {
        lock (gate)
        {
            var key = StoredObject.KeyOf(@namespace, name);
            var current = Of(type).GetValueOrDefault(key) ?? throw ApiException.NotFound(type, name);
            if (uid is not null && uid != current.Text("metadata", "uid"))
            {
                throw ApiException.Conflict(type, name);
            }

            Of(type).Remove(key);
            var body = current.ToNode();
            var last = Version(type, @namespace, name, body);
            Record(new StoredChange(last.Revision, current, last, true));
            return last;
        }
    }

    /// <summary>Forgets the history: who wants to continue from before now must list again.</summary>
    public void Compact()
    {
        lock (gate)
        {
            history.Clear();
            // The revision itself is used up too, so that even a watch from "now" has expired.
            compacted = ++revision;
        }
    }

    /// <summary>The changes after a revision, or a task that ends when there are some.</summary>
    /// <exception cref="ApiException">The history does not reach back that far.</exception>
    public (IReadOnlyList<StoredChange> Changes, long Revision, Task More) ChangesAfter(long after)
    {
        lock (gate)
        {
            if (after < compacted)
            {
                throw ApiException.Expired(after, compacted);
            }

            return ([.. history.Where(c => c.Revision > after)], revision, changed.Task);
        }
    }

    private StoredObject Put(ResourceType type, string @namespace, string name, JsonObject body, StoredObject? before)
    {
        var stored = Version(type, @namespace, name, body);
        Of(type)[stored.Key] = stored;
        Record(new StoredChange(stored.Revision, before, stored, false));
        return stored;
    }

    private StoredObject Version(ResourceType type, string @namespace, string name, JsonObject body)
    {
        revision++;
        body["apiVersion"] = type.ApiVersion;
        body["kind"] = type.Kind;
        var metadata = body["metadata"]!.AsObject();
        metadata["resourceVersion"] = revision.ToString(CultureInfo.InvariantCulture);
        if (type.Namespaced)
        {
            metadata["namespace"] = @namespace;
        }
        else
        {
            metadata.Remove("namespace");
        }

        return new StoredObject(type, @namespace, name, revision, JsonSerializer.SerializeToElement(body));
    }

    private void Record(StoredChange change)
    {
        history.Add(change);
        var signal = changed;
        changed = NewSignal();
        signal.SetResult();
    }

    private SortedDictionary<string, StoredObject> Of(ResourceType type)
    {
        if (!objects.TryGetValue(type.QualifiedName, out var found))
        {
            objects[type.QualifiedName] = found = new SortedDictionary<string, StoredObject>(StringComparer.Ordinal);
        }

        return found;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
