using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Apply;

/// <summary>Merges and compares values by their schema: objects field by field, lists item by item where items have keys.</summary>
internal static class Merging
{
    /// <summary>A value with what is applied to it.</summary>
    public static JsonNode? Merge(JsonNode? live, JsonNode? applied, Schema? schema)
    {
        switch (live, applied)
        {
            case (JsonObject l, JsonObject a) when schema?.IsAtomic != true:
                var merged = l.DeepClone().AsObject();
                foreach (var (name, value) in a)
                {
                    merged[name] = Merge(l[name], value, schema?.Of(name))?.DeepClone();
                }

                return merged;
            case (JsonArray l, JsonArray a) when FieldSet.Elements(a, schema) is { } wanted:
                return MergeList(FieldSet.Elements(l, schema)!, wanted, schema!);
            default:
                return applied?.DeepClone();
        }
    }

    /// <summary>The fields that differ: those that are new, those that have another value, those that are gone.</summary>
    public static (FieldSet Written, FieldSet Removed) Compare(JsonNode? before, JsonNode? after, Schema? schema)
    {
        var (written, removed) = (new FieldSet(), new FieldSet());
        Compare(before, after, schema, written, removed);
        return (written, removed);
    }

    /// <summary>Takes fields out of a value; what has become empty by that goes too.</summary>
    public static void Remove(JsonNode? value, FieldSet gone, Schema? schema)
    {
        switch (value)
        {
            case JsonObject o:
                foreach (var (element, child) in gone.Children)
                {
                    var name = element[2..];
                    if (!element.StartsWith("f:", StringComparison.Ordinal) || !o.ContainsKey(name))
                    {
                        continue;
                    }

                    if (child.IsMember)
                    {
                        o.Remove(name);
                        continue;
                    }

                    Remove(o[name], child, schema?.Of(name));
                    // A container that held nothing but these was theirs.
                    if (o[name] is JsonObject { Count: 0 } or JsonArray { Count: 0 })
                    {
                        o.Remove(name);
                    }
                }

                break;
            case JsonArray a when FieldSet.Elements(a, schema) is { } elements:
                for (var i = elements.Count - 1; i >= 0; i--)
                {
                    if (gone.Child(elements[i].Element) is not { } child)
                    {
                        continue;
                    }

                    if (child.IsMember)
                    {
                        a.RemoveAt(i);
                    }
                    else
                    {
                        Remove(elements[i].Item, child, schema!.Items);
                    }
                }

                break;
        }
    }

    private static JsonArray MergeList(
        IReadOnlyList<(string Element, JsonNode? Item)> live, IReadOnlyList<(string Element, JsonNode? Item)> wanted, Schema schema)
    {
        // What is applied gives the order; what only others have follows where it stood.
        var result = wanted
            .Select(w => (w.Element, Item: live.FirstOrDefault(l => l.Element == w.Element) is { Element: not null } found
                ? Merge(found.Item, w.Item, schema.Items)
                : w.Item?.DeepClone()))
            .ToList();
        var at = 0;
        foreach (var (element, item) in live)
        {
            var known = result.FindIndex(r => r.Element == element);
            if (known >= 0)
            {
                at = known + 1;
            }
            else
            {
                result.Insert(at++, (element, item?.DeepClone()));
            }
        }

        return [.. result.Select(r => r.Item)];
    }

    private static void Compare(JsonNode? before, JsonNode? after, Schema? schema, FieldSet written, FieldSet removed)
    {
        if (schema?.IsAtomic != true && before is JsonObject or null && after is JsonObject or null && (IsBranch(before) || IsBranch(after)))
        {
            var (old, now) = (before as JsonObject, after as JsonObject);
            foreach (var name in Names(old, now))
            {
                CompareMember(
                    "f:" + name, old?.ContainsKey(name) == true, old?[name], now?.ContainsKey(name) == true, now?[name], schema?.Of(name), written, removed, false);
            }

            return;
        }

        if ((before ?? after) is JsonArray && (before is null or JsonArray) && (after is null or JsonArray)
            && FieldSet.Elements(before as JsonArray ?? [], schema) is { } olds)
        {
            var news = FieldSet.Elements(after as JsonArray ?? [], schema)!;
            foreach (var element in olds.Select(o => o.Element).Union(news.Select(n => n.Element)))
            {
                var old = olds.FirstOrDefault(o => o.Element == element);
                var now = news.FirstOrDefault(n => n.Element == element);
                CompareMember(element, old.Element is not null, old.Item, now.Element is not null, now.Item, schema!.Items, written, removed, true);
            }

            return;
        }

        if (!JsonNode.DeepEquals(before, after))
        {
            (after is null ? removed : written).Include();
        }
    }

    private static void CompareMember(
        string element, bool hadIt, JsonNode? old, bool hasIt, JsonNode? now, Schema? schema, FieldSet written, FieldSet removed, bool isItem)
    {
        if (hadIt && hasIt)
        {
            Compare(old, now, schema, written.ChildOrNew(element), removed.ChildOrNew(element));
        }
        else if (hasIt)
        {
            Add(written, FieldSet.OfMember(now, schema), element, isItem);
        }
        else
        {
            Add(removed, FieldSet.OfMember(old, schema), element, isItem);
        }
    }

    private static void Add(FieldSet to, FieldSet what, string element, bool isItem)
    {
        var child = to.ChildOrNew(element);
        if (isItem || what.IsMember)
        {
            child.Include();
        }

        foreach (var (name, below) in what.Children)
        {
            Add(child, below, name, false);
        }
    }

    private static bool IsBranch(JsonNode? value) => value is JsonObject { Count: > 0 };

    private static IEnumerable<string> Names(JsonObject? a, JsonObject? b)
        => (a?.Select(m => m.Key) ?? []).Union(b?.Select(m => m.Key) ?? []);
}
