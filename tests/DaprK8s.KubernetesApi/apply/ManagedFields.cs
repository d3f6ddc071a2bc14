using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Apply;

/// <summary>Who owns which field of an object (<c>metadata.managedFields</c>), and server-side apply, which rests on it.</summary>
internal static class ManagedFields
{
    private const string ApplyOperation = "Apply";
    private const string UpdateOperation = "Update";

    private static readonly string[] OfTheServer =
    [
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
        "deletionGracePeriodSeconds", "generateName",
    ];

    /// <summary>Writes down in an object what a write that is no apply has changed.</summary>
    public static void Update(ResourceType type, JsonObject? live, JsonObject wanted, string manager, string subresource)
    {
        var submitted = wanted["metadata"]?["managedFields"] as JsonArray;
        var isReset = submitted is { Count: 0 } || (submitted is { Count: 1 } && submitted[0] is JsonObject { Count: 0 });
        var entries = isReset ? [] : Read(submitted ?? live?["metadata"]?["managedFields"] as JsonArray);
        var key = (manager, UpdateOperation, type.ApiVersion, subresource);
        if (live is null)
        {
            entries[key] = new Entry(FieldSet.Of(Owned(wanted), type.Schema), Now());
        }
        else
        {
            var (written, removed) = Merging.Compare(Owned(live), Owned(wanted), type.Schema);
            var changed = written.Union(removed);
            foreach (var (other, entry) in entries.ToArray())
            {
                entries[other] = entry with { Fields = entry.Fields.Without(other == key ? removed : changed) };
            }

            if (!written.IsEmpty)
            {
                entries[key] = new Entry((entries.GetValueOrDefault(key)?.Fields ?? new FieldSet()).Union(written), Now());
            }
        }

        Write(wanted, entries);
    }

    /// <summary>Applies a configuration: its fields are this manager's, what it no longer names and nobody else owns goes.</summary>
    /// <returns>The object as it becomes.</returns>
    /// <exception cref="ApiException">Others own fields that it changes, and <paramref name="force"/> is not set.</exception>
    public static JsonObject Apply(ResourceType type, JsonObject? live, JsonObject applied, string manager, bool force, string subresource)
    {
        var schema = type.Schema;
        var entries = Read(live?["metadata"]?["managedFields"] as JsonArray);
        if (live is not null && entries.Count == 0)
        {
            entries[("before-first-apply", UpdateOperation, type.ApiVersion, "")] = new Entry(FieldSet.Of(Owned(live), schema), Now());
        }

        var key = (manager, ApplyOperation, type.ApiVersion, subresource);
        // The same manager may have applied in another version before.
        var former = entries.Keys.FirstOrDefault(k => k.Manager == manager && k.Operation == ApplyOperation && k.Subresource == subresource);
        var last = former.Manager is null ? null : entries[former];
        if (former.Manager is not null)
        {
            entries.Remove(former);
        }

        var config = Owned(applied);
        var wanted = FieldSet.Of(config, schema);
        var before = live is null ? [] : Owned(live);
        var merged = Merging.Merge(before, config, schema)!.AsObject();
        var (written, _) = Merging.Compare(before, merged, schema);
        var conflicts = entries
            .Select(e => new Contested(e.Key, e.Value.Time, e.Value.Fields.Intersection(written)))
            .Where(c => !c.Fields.IsEmpty)
            .ToList();
        if (!force)
        {
            var serious = manager == "kubectl" ? [.. conflicts.Select(c => c with { Fields = c.Fields.Without(AppliedByClient(live, schema)) }).Where(c => !c.Fields.IsEmpty)] : conflicts;
            if (serious.Count > 0)
            {
                throw Conflict(serious);
            }
        }

        foreach (var (other, _, fields) in conflicts)
        {
            entries[other] = entries[other] with { Fields = entries[other].Fields.Without(fields) };
        }

        if (last is not null)
        {
            var others = entries.Values.Aggregate(new FieldSet(), (all, e) => all.Union(e.Fields));
            Merging.Remove(merged, last.Fields.Without(wanted).NotNeededBy(others.Union(wanted)), schema);
        }

        var (_, removed) = Merging.Compare(before, merged, schema);
        foreach (var (other, entry) in entries.ToArray())
        {
            entries[other] = entry with { Fields = entry.Fields.Without(removed) };
        }

        var isSame = last is not null && former == key && JsonNode.DeepEquals(last.Fields.ToJson(), wanted.ToJson()) && JsonNode.DeepEquals(before, merged);
        entries[key] = new Entry(wanted, isSame ? last!.Time : Now());
        var result = Whole(live, applied, merged);
        Write(result, entries);
        return result;
    }

    /// <summary>What <c>kubectl apply</c> by the client has written down as its own, and by the server may therefore take over.</summary>
    private static FieldSet AppliedByClient(JsonObject? live, Schema? schema)
    {
        var text = (string?)live?["metadata"]?["annotations"]?["kubectl.kubernetes.io/last-applied-configuration"];
        return text is null ? new FieldSet() : FieldSet.Of(Owned(Decoding.Parse(text)), schema);
    }

    /// <summary>The object without what belongs to the server.</summary>
    private static JsonObject Owned(JsonObject whole)
    {
        var owned = whole.DeepClone().AsObject();
        owned.Remove("apiVersion");
        owned.Remove("kind");
        if (owned["metadata"] is JsonObject metadata)
        {
            foreach (var name in OfTheServer)
            {
                metadata.Remove(name);
            }

            if (metadata.Count == 0)
            {
                owned.Remove("metadata");
            }
        }

        return owned;
    }

    private static JsonObject Whole(JsonObject? live, JsonObject applied, JsonObject merged)
    {
        var metadata = merged["metadata"] as JsonObject ?? [];
        foreach (var name in OfTheServer)
        {
            if ((live?["metadata"]?[name] ?? applied["metadata"]?[name]) is { } value && name != "managedFields")
            {
                metadata[name] = value.DeepClone();
            }
        }

        if (applied["metadata"]?["resourceVersion"] is { } expected)
        {
            metadata["resourceVersion"] = expected.DeepClone();
        }

        var result = new JsonObject { ["apiVersion"] = applied["apiVersion"]?.DeepClone(), ["kind"] = applied["kind"]?.DeepClone() };
        foreach (var (name, value) in merged)
        {
            result[name] = value?.DeepClone();
        }

        result["metadata"] = metadata.Parent is null ? metadata : metadata.DeepClone();
        return result;
    }

    private static Dictionary<(string Manager, string Operation, string ApiVersion, string Subresource), Entry> Read(JsonArray? entries)
    {
        var read = new Dictionary<(string, string, string, string), Entry>();
        foreach (var entry in entries ?? [])
        {
            if (entry is JsonObject && entry["fieldsV1"] is JsonObject fields)
            {
                read[((string?)entry["manager"] ?? "", (string?)entry["operation"] ?? UpdateOperation, (string?)entry["apiVersion"] ?? "", (string?)entry["subresource"] ?? "")]
                    = new Entry(FieldSet.Parse(fields), (string?)entry["time"] ?? Now());
            }
        }

        return read;
    }

    private static void Write(JsonObject body, Dictionary<(string Manager, string Operation, string ApiVersion, string Subresource), Entry> entries)
    {
        var list = new JsonArray();
        foreach (var (key, entry) in entries.Where(e => !e.Value.Fields.IsEmpty).OrderBy(e => e.Key.Operation).ThenBy(e => e.Value.Time, StringComparer.Ordinal))
        {
            var json = new JsonObject
            {
                ["manager"] = key.Manager,
                ["operation"] = key.Operation,
                ["apiVersion"] = key.ApiVersion,
                ["time"] = entry.Time,
                ["fieldsType"] = "FieldsV1",
                ["fieldsV1"] = entry.Fields.ToJson(),
            };
            if (key.Subresource.Length > 0)
            {
                json["subresource"] = key.Subresource;
            }

            list.Add(json);
        }

        var metadata = body["metadata"] as JsonObject;
        if (metadata is null)
        {
            body["metadata"] = metadata = [];
        }

        if (list.Count > 0)
        {
            metadata["managedFields"] = list;
        }
        else
        {
            metadata.Remove("managedFields");
        }
    }

    private static ApiException Conflict(List<Contested> conflicts)
    {
        var causes = new JsonArray();
        var texts = new List<string>();
        var count = 0;
        foreach (var (key, time, fields) in conflicts)
        {
            var who = $"\"{key.Manager}\"";
            who += key.Subresource.Length > 0 ? $" with subresource \"{key.Subresource}\"" : "";
            who += key.Operation == UpdateOperation ? $" using {key.ApiVersion} at {time}" : "";
            var paths = fields.Paths().ToList();
            count += paths.Count;
            texts.Add(conflicts.Count == 1 && paths.Count == 1 ? $"conflict with {who}: {paths[0]}" : $"conflicts with {who}:\n{string.Join('\n', paths.Select(p => "- " + p))}");
            foreach (var path in paths)
            {
                causes.Add(new JsonObject { ["reason"] = "FieldManagerConflict", ["message"] = $"conflict with {who}", ["field"] = path });
            }
        }

        return new ApiException(
            409, "Conflict", $"Apply failed with {count} conflict{(count == 1 ? "" : "s")}: {string.Join('\n', texts)}", new JsonObject { ["causes"] = causes });
    }

    private static string Now() => DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private sealed record Contested((string Manager, string Operation, string ApiVersion, string Subresource) Key, string Time, FieldSet Fields);

    private sealed record Entry(FieldSet Fields, string Time);
}
