using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Apply;

/// <summary>
/// A set of fields, as <c>managedFields</c> has it: a tree of path elements (<c>f:name</c> a field, <c>k:{...}</c> an item by its
/// keys, <c>v:...</c> a value of a set), each of which is in the set or only on the way.
/// </summary>
internal sealed class FieldSet
{
    private readonly SortedDictionary<string, FieldSet> children = new(StringComparer.Ordinal);

    /// <summary>The field itself is in the set.</summary>
    public bool IsMember { get; private set; }

    public bool IsEmpty => !IsMember && children.Values.All(c => c.IsEmpty);

    public IEnumerable<KeyValuePair<string, FieldSet>> Children => children;

    public FieldSet? Child(string element) => children.GetValueOrDefault(element);

    public FieldSet ChildOrNew(string element)
    {
        if (!children.TryGetValue(element, out var child))
        {
            children[element] = child = new FieldSet();
        }

        return child;
    }

    public void Include() => IsMember = true;

    /// <summary>The fields that a value has, as one who applies it owns them.</summary>
    public static FieldSet Of(JsonNode? value, Schema? schema)
    {
        var set = new FieldSet();
        Fill(set, value, schema, true);
        return set;
    }

    /// <summary>The fields of a value that stands in another.</summary>
    public static FieldSet OfMember(JsonNode? value, Schema? schema)
    {
        var set = new FieldSet();
        Fill(set, value, schema);
        return set;
    }

    private static void Fill(FieldSet set, JsonNode? value, Schema? schema, bool isRoot = false)
    {
        switch (value)
        {
            case JsonObject o when schema?.IsAtomic != true && (o.Count > 0 || isRoot):
                foreach (var (name, member) in o)
                {
                    Fill(set.ChildOrNew("f:" + name), member, schema?.Of(name));
                }

                break;
            case JsonArray a when Elements(a, schema) is { Count: > 0 } elements:
                foreach (var (element, item) in elements)
                {
                    var child = set.ChildOrNew(element);
                    child.Include();
                    if (schema!.MapKeys.Count > 0)
                    {
                        Fill(child, item, schema.Items);
                    }
                }

                break;
            default:
                set.Include();
                break;
        }
    }

    /// <summary>The items of a list that merges by items, under the element each is known by; nothing for one that is replaced.</summary>
    public static IReadOnlyList<(string Element, JsonNode? Item)>? Elements(JsonArray list, Schema? schema)
    {
        if (schema is { IsSet: true })
        {
            return [.. list.Select(i => ("v:" + (i?.ToJsonString() ?? "null"), i))];
        }

        return schema is { MapKeys.Count: > 0 } ? [.. list.Select(i => (KeyOf(i, schema), i))] : null;
    }

    private static string KeyOf(JsonNode? item, Schema list)
    {
        var key = new JsonObject();
        foreach (var name in list.MapKeys.Order(StringComparer.Ordinal))
        {
            // A key with a default, such as the protocol of a port, may be left out.
            if (((item as JsonObject)?[name] ?? list.Items?.Properties.GetValueOrDefault(name)?.Default ?? (name == "protocol" ? JsonValue.Create("TCP") : null)) is { } value)
            {
                key[name] = value.DeepClone();
            }
        }

        return "k:" + key.ToJsonString();
    }

    public static FieldSet Parse(JsonObject fields)
    {
        var set = new FieldSet();
        foreach (var (name, below) in fields)
        {
            if (name == ".")
            {
                set.Include();
            }
            else if (below is JsonObject { Count: > 0 } inner)
            {
                set.children[name] = Parse(inner);
            }
            else
            {
                set.ChildOrNew(name).Include();
            }
        }

        return set;
    }

    public JsonObject ToJson()
    {
        var fields = new JsonObject();
        foreach (var (name, child) in children.Where(c => !c.Value.IsEmpty))
        {
            var below = child.ToJson();
            if (child.IsMember && below.Count > 0)
            {
                below.Insert(0, ".", new JsonObject());
            }

            fields[name] = below;
        }

        return fields;
    }

    public FieldSet Union(FieldSet other) => Combine(this, other, (a, b) => a || b);

    public FieldSet Without(FieldSet other) => Combine(this, other, (a, b) => a && !b);

    public FieldSet Intersection(FieldSet other) => Combine(this, other, (a, b) => a && b);


    /// <summary>The paths of all members, as error texts show them.</summary>
    public IEnumerable<string> Paths(string at = "")
    {
        if (IsMember)
        {
            yield return at;
        }

        foreach (var (name, child) in children)
        {
            var below = name[..2] switch
            {
                "f:" => $"{at}.{name[2..]}",
                "k:" => $"{at}[{string.Join(',', JsonNode.Parse(name[2..])!.AsObject().Select(m => $"{m.Key}={m.Value?.ToJsonString()}"))}]",
                _ => $"{at}[={name[2..]}]",
            };
            foreach (var path in child.Paths(below))
            {
                yield return path;
            }
        }
    }

    /// <summary>What of this set nobody else needs: a whole goes only when none of its parts is in the other.</summary>
    public FieldSet NotNeededBy(FieldSet? other)
    {
        var set = new FieldSet { IsMember = IsMember && (other is null || other.IsEmpty) };
        foreach (var (name, child) in children)
        {
            set.children[name] = child.NotNeededBy(other?.Child(name));
        }

        return set;
    }

    private static FieldSet Combine(FieldSet? a, FieldSet? b, Func<bool, bool, bool> keep)
    {
        var set = new FieldSet { IsMember = keep(a?.IsMember == true, b?.IsMember == true) };
        foreach (var name in (a?.children.Keys ?? Enumerable.Empty<string>()).Union(b?.children.Keys ?? Enumerable.Empty<string>()))
        {
            var child = Combine(a?.Child(name), b?.Child(name), keep);
            if (!child.IsEmpty)
            {
                set.children[name] = child;
            }
        }

        return set;
    }
}
