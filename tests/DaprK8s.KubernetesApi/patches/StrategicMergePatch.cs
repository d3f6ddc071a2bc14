using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Patches;

/// <summary>
/// A merge patch that knows which lists are maps by a key of their items, with its directives <c>$patch</c>, <c>$retainKeys</c>,
/// <c>$setElementOrder</c> and <c>$deleteFromPrimitiveList</c>. Built-in kinds alone take it.
/// </summary>
internal static class StrategicMergePatch
{
    private const string Directive = "$patch";
    private const string Retain = "$retainKeys";
    private const string Order = "$setElementOrder/";
    private const string DeleteFrom = "$deleteFromPrimitiveList/";

    public static JsonObject Apply(JsonObject target, JsonObject patch, Schema schema) => Merge(target, patch, schema) ?? [];

    /// <returns>Nothing when the patch deletes the object.</returns>
    private static JsonObject? Merge(JsonObject target, JsonObject patch, Schema? schema)
    {
        switch ((string?)patch[Directive])
        {
            case "delete":
                return null;
            case "replace":
                var replacement = patch.DeepClone().AsObject();
                replacement.Remove(Directive);
                return replacement;
        }

        var result = target.DeepClone().AsObject();
        if (patch[Retain] is JsonArray kept)
        {
            var names = kept.Select(k => (string?)k).ToHashSet();
            foreach (var gone in result.Select(m => m.Key).Where(k => !names.Contains(k)).ToArray())
            {
                result.Remove(gone);
            }
        }

        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(DeleteFrom, StringComparison.Ordinal))
            {
                DeletePrimitives(result, name[DeleteFrom.Length..], value as JsonArray ?? []);
            }
            else if (!name.StartsWith('$'))
            {
                MergeMember(result, name, value, schema?.Of(name));
            }
        }

        foreach (var (name, value) in patch)
        {
            if (name.StartsWith(Order, StringComparison.Ordinal) && value is JsonArray order && result[name[Order.Length..]] is JsonArray list)
            {
                result[name[Order.Length..]] = Reorder(list, order, schema?.Of(name[Order.Length..])?.PatchMergeKey);
            }
        }

        return result;
    }

    private static void MergeMember(JsonObject result, string name, JsonNode? value, Schema? schema)
    {
        switch (value)
        {
            case null:
                result.Remove(name);
                break;
            case JsonObject patch when Merge(result[name] as JsonObject ?? [], patch, schema) is { } merged:
                result[name] = merged;
                break;
            case JsonObject:
                result.Remove(name);
                break;
            case JsonArray patch when schema?.PatchMergeKey is { } key:
                result[name] = MergeList(result[name] as JsonArray ?? [], patch, key, schema.Items);
                break;
            case JsonArray patch when schema?.IsSet == true:
                var all = result[name]?.DeepClone().AsArray() ?? [];
                foreach (var item in patch.Where(p => !all.Any(a => JsonNode.DeepEquals(a, p))).ToArray())
                {
                    all.Add(item?.DeepClone());
                }

                result[name] = all;
                break;
            default:
                result[name] = value.DeepClone();
                break;
        }
    }

    private static JsonArray MergeList(JsonArray target, JsonArray patch, string key, Schema? items)
    {
        // {"$patch": "replace"} as an item speaks of the whole list.
        if (patch.Any(p => p is JsonObject o && (string?)o[Directive] == "replace" && o[key] is null))
        {
            return [.. patch.Where(p => p is JsonObject o && o[Directive] is null).Select(p => p!.DeepClone())];
        }

        var result = target.DeepClone().AsArray();
        foreach (var item in patch)
        {
            if (item is not JsonObject change || change[key] is not { } identity)
            {
                throw ApiException.BadRequest($"map: {item?.ToJsonString()} does not contain declared merge key: {key}");
            }

            var at = IndexOf(result, key, identity);
            if ((string?)change[Directive] == "delete")
            {
                if (at >= 0)
                {
                    result.RemoveAt(at);
                }
            }
            else if (at < 0)
            {
                result.Add(Merge([], change, items));
            }
            else
            {
                result[at] = Merge(result[at]!.AsObject(), change, items);
            }
        }

        return result;
    }

    private static void DeletePrimitives(JsonObject result, string name, JsonArray values)
    {
        if (result[name] is JsonArray list)
        {
            result[name] = new JsonArray([.. list.Where(l => !values.Any(v => JsonNode.DeepEquals(v, l))).Select(l => l?.DeepClone())]);
        }
    }

    /// <summary>What the order names comes in that order; what only the server has keeps its place behind what it stood behind.</summary>
    private static JsonArray Reorder(JsonArray list, JsonArray order, string? key)
    {
        string Identity(JsonNode? node) => (key is null ? node : (node as JsonObject)?[key])?.ToJsonString() ?? "";
        var ranks = order.Select(Identity).ToList();
        var ordered = list.Where(l => ranks.Contains(Identity(l))).OrderBy(l => ranks.IndexOf(Identity(l))).ToList();
        string? before = null;
        foreach (var item in list)
        {
            if (!ranks.Contains(Identity(item)))
            {
                var at = before is null ? -1 : ordered.FindIndex(o => Identity(o) == before);
                ordered.Insert(at + 1, item);
            }

            before = Identity(item);
        }

        return [.. ordered.Select(o => o?.DeepClone())];
    }

    private static int IndexOf(JsonArray list, string key, JsonNode identity)
    {
        for (var i = 0; i < list.Count; i++)
        {
            if (list[i] is JsonObject o && JsonNode.DeepEquals(o[key], identity))
            {
                return i;
            }
        }

        return -1;
    }
}
