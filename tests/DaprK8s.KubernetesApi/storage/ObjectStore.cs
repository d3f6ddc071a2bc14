using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.BuiltIn;
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
    private readonly Dictionary<string, StoredObject> byUid = [];
    private readonly Dictionary<string, HashSet<string>> dependents = [];
    private readonly List<StoredChange> history = [];
    private long revision = 1000;
    private long compacted = 1000;
    private TaskCompletionSource changed = NewSignal();

    /// <summary>Is told of every change, before anybody else can see it.</summary>
    public Action<StoredChange>? Changing { get; set; }

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

    public StoredObject? ByUid(string uid)
    {
        lock (gate)
        {
            return byUid.GetValueOrDefault(uid);
        }
    }

    /// <summary>The objects that name another as an owner.</summary>
    public IReadOnlyList<StoredObject> DependentsOf(string uid)
    {
        lock (gate)
        {
            return dependents.TryGetValue(uid, out var found) ? [.. found.Select(u => byUid[u])] : [];
        }
    }

    /// <summary>All objects of a namespace.</summary>
    public IReadOnlyList<StoredObject> AllIn(string @namespace)
    {
        lock (gate)
        {
            return [.. byUid.Values.Where(o => o.Namespace == @namespace)];
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
                ? prefix + Names.Suffix()
                : throw ApiException.Invalid(type, "", "metadata.name: Required value: name or generateName is required");
        }

        lock (gate)
        {
            if (Of(type).ContainsKey(StoredObject.KeyOf(@namespace, name)))
            {
                throw ApiException.AlreadyExists(type, name);
            }

            metadata["name"] = name;
            metadata["uid"] ??= Guid.NewGuid().ToString();
            metadata["creationTimestamp"] ??= DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            metadata["generation"] ??= 1;
            return Put(type, @namespace, name, body, null);
        }
    }

    /// <summary>Replaces an object by what <paramref name="change"/> makes of the stored one.</summary>
    /// <param name="expected">The <c>resourceVersion</c> that the caller read; nothing means any.</param>
    /// <param name="specChanged">Whether it counts as another generation; when not said, a change of <c>spec</c> does.</param>
    public StoredObject Update(
        ResourceType type, string @namespace, string name, string? expected, Func<StoredObject, JsonObject> change, bool? specChanged = null)
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

            var isNext = (specChanged ?? !JsonNode.DeepEquals(body["spec"], JsonObject.Create(current.Body)!["spec"])) || (metadata["deletionTimestamp"] is not null && current.Text("metadata", "deletionTimestamp") is null);
            metadata["generation"] = long.Parse(current.Text("metadata", "generation") ?? "1", CultureInfo.InvariantCulture) + (isNext ? 1 : 0);
            // A write that changes nothing is no event.
            return JsonNode.DeepEquals(body, JsonObject.Create(current.Body)) ? current : Put(type, @namespace, name, body, current);
        }
    }

    /// <summary>Removes an object at once.</summary>
    /// <param name="uid">It must be this one.</param>
    public StoredObject Remove(ResourceType type, string @namespace, string name, string? uid = null)
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
            Forget(current);
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

            var first = history.Count;
            while (first > 0 && history[first - 1].Revision > after)
            {
                first--;
            }

            return (history[first..], revision, changed.Task);
        }
    }

    private StoredObject Put(ResourceType type, string @namespace, string name, JsonObject body, StoredObject? before)
    {
        var stored = Version(type, @namespace, name, body);
        if (before is not null)
        {
            Forget(before);
        }

        Of(type)[stored.Key] = stored;
        Remember(stored);
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
        Changing?.Invoke(change);
        history.Add(change);
        var signal = changed;
        changed = NewSignal();
        signal.SetResult();
    }

    private void Remember(StoredObject stored)
    {
        var uid = stored.Uid;
        byUid[uid] = stored;
        foreach (var owner in stored.Owners())
        {
            if (!dependents.TryGetValue(owner, out var all))
            {
                dependents[owner] = all = [];
            }

            all.Add(uid);
        }
    }

    private void Forget(StoredObject stored)
    {
        byUid.Remove(stored.Uid);
        foreach (var owner in stored.Owners())
        {
            if (dependents.TryGetValue(owner, out var all) && all.Remove(stored.Uid) && all.Count == 0)
            {
                dependents.Remove(owner);
            }
        }
    }

    private SortedDictionary<string, StoredObject> Of(ResourceType type)
    {
        if (!objects.TryGetValue(type.StorageName, out var found))
        {
            objects[type.StorageName] = found = new SortedDictionary<string, StoredObject>(StringComparer.Ordinal);
        }

        return found;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
