using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Admission;
using DaprK8s.KubernetesApi.Apply;
using DaprK8s.KubernetesApi.BuiltIn;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Patches;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>
/// Create, update, patch and delete: decode, default, ask the mutating webhooks, judge, ask the validating webhooks, store. All in
/// the version of the request; what is stored is in the stored version.
/// </summary>
internal sealed class Writing(
    ObjectStore store, ResourceTypes types, Deleting deletes, Conversion conversion, WebhookAdmission webhooks, ServiceAccounts accounts, ClusterAddresses addresses)
{
    private const int Attempts = 20;

    public async Task<StoredObject> CreateAsync(ApiRequest request, JsonObject body, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        CheckIdentity(request, body, null);
        CheckNamespace(type, request.Namespace, body);
        Decode(type, body, options);
        if (type.HasStatus)
        {
            body.Remove("status");
        }

        var metadata = body["metadata"] as JsonObject ?? throw ApiException.BadRequest("metadata is missing");
        if (type.Namespaced)
        {
            metadata["namespace"] = request.Namespace;
        }

        if (metadata["resourceVersion"] is JsonValue version && (string?)version is { Length: > 0 })
        {
            throw ApiException.BadRequest("resourceVersion should not be set on objects to be created");
        }

        foreach (var set in (string[])["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"])
        {
            metadata.Remove(set);
        }

        Prepare(type, body);
        if (metadata["managedFields"] is null)
        {
            ManagedFields.Update(type, null, body, options.Manager, request.Subresource);
        }

        return await StoreNewAsync(request, body, options, cancellationToken);
    }

    public async Task<StoredObject> UpdateAsync(ApiRequest request, JsonObject body, WriteOptions options, CancellationToken cancellationToken)
    {
        CheckIdentity(request, body, request.Name);
        var type = request.Type!;
        if (type.UpdatesNeedVersion && string.IsNullOrEmpty((string?)body["metadata"]?["resourceVersion"])
            && store.Find(type, request.Namespace ?? "", request.Name) is not null)
        {
            throw ApiException.Invalid(type, request.Name, "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
        }

        return await ReplaceAsync(request, _ => body.DeepClone().AsObject(), options, true, cancellationToken);
    }

    public async Task<StoredObject> PatchAsync(ApiRequest request, string? contentType, JsonNode? patch, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        switch (contentType?.Split(';')[0].Trim())
        {
            case "application/merge-patch+json":
                return await ReplaceAsync(request, live => Patched(JsonMergePatch.Apply(live, patch)), options, true, cancellationToken);
            case "application/json-patch+json" when patch is JsonArray operations:
                return await ReplaceAsync(request, live => Patched(JsonPatch.Apply(live, operations)), options, true, cancellationToken);
            case "application/strategic-merge-patch+json" when type is { IsCustom: false, Schema: { } schema } && patch is JsonObject changes:
                return await ReplaceAsync(request, live => StrategicMergePatch.Apply(live, changes, schema), options, true, cancellationToken);
            case "application/apply-patch+yaml" or "application/apply-patch+json" when patch is JsonObject applied:
                return await ApplyAsync(request, applied, options, cancellationToken);
            default:
                throw new ApiException(
                    415,
                    "UnsupportedMediaType",
                    $"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json{(type.IsCustom ? "" : ", application/strategic-merge-patch+json")}, application/apply-patch+yaml");
        }
    }

    /// <summary>Changes an object, through all the same gates.</summary>
    /// <param name="track">Write down who changed what; an apply has done so itself.</param>
    public async Task<StoredObject> ReplaceAsync(
        ApiRequest request, Func<JsonObject, JsonObject> change, WriteOptions options, bool track, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var stored = store.Find(request.Type!, request.Namespace ?? "", request.Name) ?? throw ApiException.NotFound(request.Type!, request.Name);
            var expected = false;
            try
            {
                var live = (await conversion.ToAsync(stored, request.Type!, cancellationToken)).ToNode();
                // What came past this way may lack what every stored object has.
                Prepare(request.Type!, live);
                var wanted = change(live.DeepClone().AsObject());
                if ((string?)wanted["metadata"]?["resourceVersion"] is { Length: > 0 } version)
                {
                    // A patch that leaves the version as it was does not ask for it.
                    expected = version != (string?)live["metadata"]!["resourceVersion"];
                    if (expected)
                    {
                        throw ApiException.Conflict(request.Type!, request.Name);
                    }
                }

                return await StoreChangedAsync(request, stored, live, wanted, options, track, cancellationToken);
            }
            catch (ApiException e) when (e is { Code: 409, Reason: "Conflict" } && !expected && attempt < Attempts && IsStale(stored))
            {
                // Somebody wrote it meanwhile, and the caller has not said which version it means.
            }
        }
    }

    public async Task<StoredObject> DeleteAsync(ApiRequest request, DeleteOptions delete, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        var stored = store.Find(type, request.Namespace ?? "", request.Name) ?? throw ApiException.NotFound(type, request.Name);
        var live = (await conversion.ToAsync(stored, type, cancellationToken)).ToNode();
        await webhooks.ValidateAsync(request with { Verb = "delete" }, null, live, options, cancellationToken);
        var gone = deletes.Delete(stored.Type, stored.Namespace, stored.Name, options.DryRun ? delete with { DryRun = true } : delete);
        return await conversion.ToAsync(gone, type, cancellationToken);
    }

    private async Task<StoredObject> ApplyAsync(ApiRequest request, JsonObject applied, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        if (!options.HasManager)
        {
            throw ApiException.Invalid(
                new ResourceType("meta.k8s.io", "v1", "patchoptions", "PatchOptions"), "", "fieldManager: Required value: is required for apply patch");
        }

        if ((string?)applied["apiVersion"] is null || (string?)applied["kind"] is null)
        {
            throw ApiException.BadRequest("Object 'Kind' is missing in the applied configuration");
        }

        if (applied["metadata"]?["managedFields"] is JsonArray { Count: > 0 })
        {
            throw ApiException.BadRequest("metadata.managedFields must be nil");
        }

        CheckIdentity(request, applied, request.Name);
        Decode(type, applied, options);
        if (request.Subresource == "status")
        {
            applied.Remove("spec");
        }
        else if (type.HasStatus)
        {
            applied.Remove("status");
        }

        for (var attempt = 1; ; attempt++)
        {
            if (store.Find(type, request.Namespace ?? "", request.Name) is not null)
            {
                return await ReplaceAsync(
                    request, live => ManagedFields.Apply(type, live, applied, options.Manager, options.Force, request.Subresource), options, false, cancellationToken);
            }

            if (request.Subresource.Length > 0)
            {
                throw ApiException.NotFound(type, request.Name);
            }

            try
            {
                CheckNamespace(type, request.Namespace, applied);
                var body = ManagedFields.Apply(type, null, applied, options.Manager, options.Force, "");
                if (type.Namespaced)
                {
                    body["metadata"]!["namespace"] = request.Namespace;
                }

                Prepare(type, body);
                return await StoreNewAsync(request with { Verb = "create" }, body, options, cancellationToken);
            }
            catch (ApiException e) when (e.Reason == "AlreadyExists" && attempt < Attempts)
            {
                // Somebody created it meanwhile.
            }
        }
    }

    private async Task<StoredObject> StoreNewAsync(ApiRequest request, JsonObject body, WriteOptions options, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        body["apiVersion"] = type.ApiVersion;
        body["kind"] = type.Kind;
        accounts.Admit(type, body, request.Namespace ?? "");
        body = await webhooks.MutateAsync(request, body, null, options, cancellationToken);
        accounts.Admit(type, body, request.Namespace ?? "");
        Decode(type, body, new WriteOptions(options.Caller) { FieldValidation = "Ignore" });
        Prepare(type, body);
        var metadata = body["metadata"]!.AsObject();
        if ((string?)metadata["name"] is null or "")
        {
            metadata["name"] = (string?)metadata["generateName"] is { Length: > 0 } prefix
                ? prefix + Names.Suffix()
                : throw ApiException.Invalid(type, "", "metadata.name: Required value: name or generateName is required");
        }

        var name = (string)metadata["name"]!;
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        metadata["generation"] = 1;
        Defaults.Name(type, body);
        addresses.Assign(type, body, null);
        Judge(type, name, body, null);
        await webhooks.ValidateAsync(request, body, null, options, cancellationToken);
        if (store.Find(type, request.Namespace ?? "", name) is not null)
        {
            throw ApiException.AlreadyExists(type, name);
        }

        if (options.DryRun)
        {
            return new StoredObject(type, request.Namespace ?? "", name, 0, JsonSerializer.SerializeToElement(body));
        }

        CheckNamespace(type, request.Namespace, body);
        var toStore = await conversion.ToStorageAsync(type, body, cancellationToken);
        var created = store.Create(types.StorageOf(type), request.Namespace ?? "", toStore);
        deletes.CollectIfOwnerless(created);
        return await conversion.ToAsync(created, type, cancellationToken);
    }

    private async Task<StoredObject> StoreChangedAsync(
        ApiRequest request, StoredObject stored, JsonObject live, JsonObject wanted, WriteOptions options, bool track, CancellationToken cancellationToken)
    {
        var type = request.Type!;
        Decode(type, wanted, options);
        if (wanted["metadata"] is not JsonObject metadata)
        {
            wanted["metadata"] = metadata = [];
        }

        KeepOthers(request, live, wanted, metadata);
        Prepare(type, wanted);
        if (track)
        {
            ManagedFields.Update(type, live, wanted, options.Manager, request.Subresource);
        }

        wanted["apiVersion"] = type.ApiVersion;
        wanted["kind"] = type.Kind;
        wanted = await webhooks.MutateAsync(request, wanted, live, options, cancellationToken);
        Decode(type, wanted, new WriteOptions(options.Caller) { FieldValidation = "Ignore" });
        KeepOthers(request, live, wanted, wanted["metadata"]!.AsObject());
        Prepare(type, wanted);
        addresses.Assign(type, wanted, live);
        Judge(type, request.Name, wanted, live);
        await webhooks.ValidateAsync(request, wanted, live, options, cancellationToken);
        if (options.DryRun)
        {
            return new StoredObject(type, stored.Namespace, stored.Name, stored.Revision, JsonSerializer.SerializeToElement(wanted));
        }

        var toStore = await conversion.ToStorageAsync(type, wanted, cancellationToken);
        var updated = store.Update(stored.Type, stored.Namespace, stored.Name, stored.Revision.ToString(CultureInfo.InvariantCulture), _ => toStore, IsOtherGeneration(type, live, wanted));
        return await conversion.ToAsync(deletes.Settle(updated), type, cancellationToken);
    }

    /// <summary>The status is written by its subresource alone, everything else by the object alone; the server's own fields by nobody.</summary>
    private static void KeepOthers(ApiRequest request, JsonObject live, JsonObject wanted, JsonObject metadata)
    {
        var old = live["metadata"]!.AsObject();
        foreach (var name in (string[])["name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"])
        {
            Keep(metadata, old, name);
        }

        if (request.Subresource == "status")
        {
            foreach (var name in live.Select(m => m.Key).Union(wanted.Select(m => m.Key)).Where(k => k is not ("status" or "metadata")).ToArray())
            {
                Keep(wanted, live, name);
            }

            // Of the metadata, custom resources take nothing with their status; built-in kinds take labels and annotations.
            foreach (var name in (string[])["ownerReferences", "finalizers", .. request.Type!.IsCustom ? (string[])["labels", "annotations"] : []])
            {
                Keep(metadata, old, name);
            }
        }
        else if (request.Type!.HasStatus)
        {
            Keep(wanted, live, "status");
        }
    }

    private static bool IsOtherGeneration(ResourceType type, JsonObject live, JsonObject wanted)
        => type.IsCustom
            ? live.Select(m => m.Key).Union(wanted.Select(m => m.Key)).Any(k => k != "metadata" && (k != "status" || !type.HasStatus) && !JsonNode.DeepEquals(live[k], wanted[k]))
            : !JsonNode.DeepEquals(live["spec"], wanted["spec"]);

    private static void Keep(JsonObject target, JsonObject source, string name)
    {
        if (source[name] is { } value)
        {
            target[name] = value.DeepClone();
        }
        else
        {
            target.Remove(name);
        }
    }

    private void Decode(ResourceType type, JsonObject body, WriteOptions options) => Decoding.Check(type, body, options);

    private static void Prepare(ResourceType type, JsonObject body)
    {
        if (type.IsCustom)
        {
            if (type.Schema is { } schema)
            {
                Schemas.SchemaTyping.Default(body, schema);
            }
        }
        else
        {
            Defaults.Apply(type, body);
        }
    }

    private static void Judge(ResourceType type, string name, JsonObject body, JsonObject? live)
    {
        var problems = new List<string>();
        if (live is null && Names.Problem(type.QualifiedName, name) is { } problem)
        {
            problems.Add($"metadata.name: Invalid value: \"{name}\": {problem}");
        }

        // What was wrong already, put there past this way, does not stop a change of something else.
        problems.AddRange(type.IsCustom
            ? type.Schema is { } schema
                ? Schemas.SchemaValidation.Problems(body, schema, live).Except(live is null ? [] : Schemas.SchemaValidation.Problems(live, schema, null))
                : []
            : Rules.Problems(type, body, live).Except(live is null ? [] : Rules.Problems(type, live, null)));
        if (problems.Count > 0)
        {
            throw ApiException.Invalid(type, name, problems);
        }
    }

    private bool IsStale(StoredObject stored) => store.Find(stored.Type, stored.Namespace, stored.Name)?.Revision != stored.Revision;

    private void CheckNamespace(ResourceType type, string? @namespace, JsonObject body)
    {
        if (!type.Namespaced)
        {
            return;
        }

        var found = store.Find(types.Named("namespaces"), "", @namespace!) ?? throw ApiException.NotFound(types.Named("namespaces"), @namespace!);
        if (found.IsDeleting)
        {
            throw new ApiException(
                403,
                "Forbidden",
                $"{type.QualifiedName} \"{(string?)body["metadata"]?["name"]}\" is forbidden: unable to create new content in namespace {@namespace} because it is being terminated",
                new JsonObject
                {
                    ["name"] = (string?)body["metadata"]?["name"],
                    ["kind"] = type.Plural,
                    ["causes"] = new JsonArray(new JsonObject { ["reason"] = "NamespaceTerminating", ["message"] = $"namespace {@namespace} is being terminated", ["field"] = "metadata.namespace" }),
                });
        }
    }

    private static JsonObject Patched(JsonNode? result) => result as JsonObject ?? throw ApiException.BadRequest("a patch must leave an object");

    private static void CheckIdentity(ApiRequest request, JsonObject body, string? name)
    {
        if ((string?)body["apiVersion"] is { } version && version != request.Type!.ApiVersion)
        {
            throw ApiException.BadRequest($"the API version in the data ({version}) does not match the expected API version ({request.Type.ApiVersion})");
        }

        if (name is not null && (string?)body["metadata"]?["name"] is var own && own != name && (own is not null || request.Verb != "patch"))
        {
            throw ApiException.BadRequest($"the name of the object ({own}) does not match the name on the URL ({name})");
        }

        if ((string?)body["metadata"]?["namespace"] is { Length: > 0 } ns && ns != request.Namespace && request.Type!.Namespaced)
        {
            throw ApiException.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }
    }
}
