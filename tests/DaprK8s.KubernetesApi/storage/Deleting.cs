using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>
/// How objects go: pods get time, finalizers hold, owners take what they own along, and a namespace goes when it is empty. What a
/// cluster's garbage collector and namespace controller do some time later is done here before the answer.
/// </summary>
internal sealed class Deleting(ObjectStore store, ResourceTypes types)
{
    private const string Foreground = "foregroundDeletion";

    /// <summary>Deletes an object, or begins to.</summary>
    /// <returns>What it was last, or is now that it waits.</returns>
    public StoredObject Delete(ResourceType type, string @namespace, string name, DeleteOptions options)
    {
        while (true)
        {
            var current = store.Find(type, @namespace, name) ?? throw ApiException.NotFound(type, name);
            CheckPreconditions(type, current, options);
            var grace = GraceOf(type, current, options);
            var finalizers = FinalizersWith(current, options.PropagationPolicy);
            if (options.PropagationPolicy == "Orphan")
            {
                Orphan(current.Uid);
            }

            if (options.DryRun)
            {
                return current;
            }

            try
            {
                if (grace == 0 && finalizers.Count == 0 && type.QualifiedName != "namespaces")
                {
                    return RemoveNow(current);
                }

                var marked = Mark(current, grace, finalizers);
                if (type.QualifiedName == "namespaces")
                {
                    Empty(name);
                    return store.ByUid(current.Uid) is { } left ? Settle(left) : marked;
                }

                foreach (var dependent in finalizers.Contains(Foreground) ? store.DependentsOf(current.Uid) : [])
                {
                    TryDelete(dependent, "Foreground");
                }

                return store.ByUid(current.Uid) is { } waiting ? Settle(waiting) : marked;
            }
            catch (ApiException e) when (e.Reason == "Conflict" && options.ResourceVersion is null)
            {
                // Somebody wrote it meanwhile.
            }
        }
    }

    /// <summary>After a write: removes the object when nothing holds it any more.</summary>
    public StoredObject Settle(StoredObject stored)
    {
        if (!stored.IsDeleting || stored.Finalizers().Any(f => f != Foreground))
        {
            return stored;
        }

        if (stored.Finalizers().Contains(Foreground) && store.DependentsOf(stored.Uid).Any(d => Blocks(d, stored.Uid)))
        {
            return stored;
        }

        if (stored.Type.QualifiedName == "namespaces")
        {
            return store.AllIn(stored.Name).Count > 0 ? stored : RemoveNow(stored);
        }

        return stored.Text("metadata", "deletionGracePeriodSeconds") is null or "0" ? RemoveNow(stored) : stored;
    }

    /// <summary>Removes an object, whatever holds it, and what it leads to.</summary>
    public StoredObject RemoveNow(StoredObject stored)
    {
        var last = store.Remove(stored.Type, stored.Namespace, stored.Name, stored.Uid);
        foreach (var dependent in store.DependentsOf(stored.Uid))
        {
            CollectIfOwnerless(dependent, stored.Uid);
        }

        // An owner that waits for its dependents, and a namespace that waits to be empty, may be free now.
        foreach (var owner in stored.Owners())
        {
            if (store.ByUid(owner) is { IsDeleting: true } waiting)
            {
                Settle(waiting);
            }
        }

        if (stored.Namespace.Length > 0 && store.Find(types.Named("namespaces"), "", stored.Namespace) is { IsDeleting: true } place)
        {
            Settle(place);
        }

        if (stored.Type.QualifiedName == "customresourcedefinitions.apiextensions.k8s.io")
        {
            RemoveInstances(stored);
        }

        return last;
    }

    /// <summary>Removes an object whose owners are all gone before it came.</summary>
    public void CollectIfOwnerless(StoredObject stored, string? gone = null)
    {
        var owners = stored.Owners();
        if (owners.Count == 0)
        {
            return;
        }

        if (owners.All(o => o == gone || store.ByUid(o) is null))
        {
            TryDelete(stored, "Background");
        }
        else if (gone is not null)
        {
            DropOwner(stored, gone);
        }
    }

    private StoredObject Mark(StoredObject current, long grace, IReadOnlyList<string> finalizers)
        => store.Update(current.Type, current.Namespace, current.Name, current.Revision.ToString(CultureInfo.InvariantCulture), stored =>
        {
            var body = stored.ToNode();
            var metadata = body["metadata"]!.AsObject();
            metadata["deletionTimestamp"] ??= DateTime.UtcNow.AddSeconds(grace).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            metadata["deletionGracePeriodSeconds"] = grace;
            if (finalizers.Count > 0)
            {
                metadata["finalizers"] = new JsonArray([.. finalizers.Select(f => JsonValue.Create(f))]);
            }

            if (stored.Type.QualifiedName == "namespaces")
            {
                body["status"] = new JsonObject { ["phase"] = "Terminating" };
            }

            return body;
        });

    private void Empty(string @namespace)
    {
        foreach (var stored in store.AllIn(@namespace))
        {
            TryDelete(stored, "Background");
        }
    }

    private void RemoveInstances(StoredObject definition)
    {
        var type = new ResourceType(definition.Text("spec", "group")!, "", definition.Text("spec", "names", "plural")!, "");
        foreach (var stored in store.List(type, null).Items)
        {
            store.Remove(stored.Type, stored.Namespace, stored.Name);
        }
    }

    private void TryDelete(StoredObject stored, string policy)
    {
        try
        {
            Delete(stored.Type, stored.Namespace, stored.Name, new DeleteOptions { PropagationPolicy = policy, Uid = stored.Uid });
        }
        catch (ApiException e) when (e.Reason is "NotFound" or "Conflict")
        {
            // It has gone already.
        }
    }

    private void Orphan(string uid)
    {
        foreach (var dependent in store.DependentsOf(uid))
        {
            DropOwner(dependent, uid);
        }
    }

    private void DropOwner(StoredObject dependent, string uid)
        => store.Update(dependent.Type, dependent.Namespace, dependent.Name, null, stored =>
        {
            var body = stored.ToNode();
            var left = body["metadata"]?["ownerReferences"]?.AsArray().Where(o => (string?)o?["uid"] != uid).Select(o => o!.DeepClone()).ToArray() ?? [];
            if (left.Length == 0)
            {
                body["metadata"]!.AsObject().Remove("ownerReferences");
            }
            else
            {
                body["metadata"]!["ownerReferences"] = new JsonArray(left);
            }

            return body;
        });

    private static List<string> FinalizersWith(StoredObject current, string? policy)
    {
        var finalizers = current.Finalizers().ToList();
        if (policy == "Foreground" && !finalizers.Contains(Foreground))
        {
            finalizers.Add(Foreground);
        }

        return finalizers;
    }

    private static long GraceOf(ResourceType type, StoredObject current, DeleteOptions options)
    {
        if (type.QualifiedName != "pods" || string.IsNullOrEmpty(current.Text("spec", "nodeName")) || current.Text("status", "phase") is "Succeeded" or "Failed")
        {
            return 0;
        }

        var wanted = options.GracePeriodSeconds
            ?? long.Parse(current.Text("spec", "terminationGracePeriodSeconds") ?? "30", CultureInfo.InvariantCulture);
        // Time that is running can only be shortened.
        return current.IsDeleting
            ? Math.Min(wanted, long.Parse(current.Text("metadata", "deletionGracePeriodSeconds") ?? "30", CultureInfo.InvariantCulture))
            : wanted;
    }

    private static void CheckPreconditions(ResourceType type, StoredObject current, DeleteOptions options)
    {
        if (options.Uid is { } uid && uid != current.Uid)
        {
            throw ApiException.Precondition(type, current.Name, $"UID in precondition: {uid}, UID in object meta: {current.Uid}");
        }

        var version = current.Revision.ToString(CultureInfo.InvariantCulture);
        if (options.ResourceVersion is { } wanted && wanted != version)
        {
            throw ApiException.Precondition(type, current.Name, $"ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {version}");
        }
    }

    private static bool Blocks(StoredObject dependent, string owner)
        => dependent.ToNode()["metadata"]!["ownerReferences"]!.AsArray().Any(o => (string?)o?["uid"] == owner && (bool?)o["blockOwnerDeletion"] == true);
}
