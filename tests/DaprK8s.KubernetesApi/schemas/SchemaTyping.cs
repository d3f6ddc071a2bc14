using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>What happens to an object before it is judged: fields that are not in the schema go, defaults come.</summary>
internal static class SchemaTyping
{
    /// <summary>Removes the fields that a schema does not have.</summary>
    /// <param name="value">What to prune.</param>
    /// <param name="schema">Its schema.</param>
    /// <param name="unknown">Gets the paths of what was removed.</param>
    public static void Prune(JsonNode? value, Schema schema, List<string> unknown, string path = "")
    {
        switch (value)
        {
            case JsonObject o:
                foreach (var (name, member) in o.ToArray())
                {
                    var at = path.Length == 0 ? name : $"{path}.{name}";
                    if (schema.EmbeddedResource && name is "apiVersion" or "kind" or "metadata")
                    {
                        continue;
                    }

                    if (schema.Of(name) is { } known)
                    {
                        Prune(member, known, unknown, at);
                    }
                    else if (schema.IsClosed)
                    {
                        o.Remove(name);
                        unknown.Add(at);
                    }
                }

                break;
            case JsonArray a when schema.Items is { } items:
                for (var i = 0; i < a.Count; i++)
                {
                    Prune(a[i], items, unknown, $"{path}[{i}]");
                }

                break;
        }
    }

    /// <summary>Removes nulls, which to the decoder of a built-in kind are as good as absent.</summary>
    public static void DropNulls(JsonNode? value, Schema schema)
    {
        switch (value)
        {
            case JsonObject o when !schema.PreservesUnknown:
                foreach (var (name, member) in o.ToArray())
                {
                    if (member is not null)
                    {
                        DropNulls(member, schema.Of(name) ?? new Schema { PreservesUnknown = true });
                    }
                    else if (schema.Values?.Type == "string")
                    {
                        o[name] = "";
                    }
                    else
                    {
                        o.Remove(name);
                    }
                }

                break;
            case JsonArray a when schema.Items is { } items:
                foreach (var item in a)
                {
                    DropNulls(item, items);
                }

                break;
        }
    }

    /// <summary>Puts in the defaults of a schema where there is no value.</summary>
    public static void Default(JsonNode? value, Schema schema)
    {
        switch (value)
        {
            case JsonObject o:
                foreach (var (name, property) in schema.Properties)
                {
                    // A null that may not be one counts as absent.
                    if (property.HasDefault && (!o.TryGetPropertyValue(name, out var present) || (present is null && !property.Nullable)))
                    {
                        o[name] = property.Default?.DeepClone();
                    }
                    else if (o.TryGetPropertyValue(name, out var isNull) && isNull is null && !property.Nullable)
                    {
                        o.Remove(name);
                    }
                }

                foreach (var (name, member) in o)
                {
                    if (schema.Of(name) is { } known && name != "metadata")
                    {
                        Default(member, known);
                    }
                }

                break;
            case JsonArray a when schema.Items is { } items:
                foreach (var item in a)
                {
                    Default(item, items);
                }

                break;
        }
    }

    /// <summary>The first value of a built-in kind that is of another type than its field, as its decoder says it; or nothing.</summary>
    public static string? Mismatch(JsonNode? value, Schema schema, string path = "", string owner = "")
    {
        if (value is null || schema.PreservesUnknown)
        {
            return null;
        }

        var kind = value.GetValueKind();
        if (schema.IntOrString || schema.Quantity)
        {
            return kind is JsonValueKind.String or JsonValueKind.Number ? null : Found(kind, path, owner, schema.IntOrString ? "intstr.IntOrString" : "resource.Quantity");
        }

        switch (schema.Type)
        {
            case "object" when value is JsonObject o:
                foreach (var (name, member) in o)
                {
                    if (schema.Of(name) is { } known && Mismatch(member, known, path.Length == 0 ? name : $"{path}.{name}", schema.Name ?? owner) is { } inner)
                    {
                        return inner;
                    }
                }

                return null;
            case "array" when value is JsonArray a:
                foreach (var item in a)
                {
                    if (schema.Items is { } items && Mismatch(item, items, path, owner) is { } inner)
                    {
                        return inner;
                    }
                }

                return null;
            case "string" when kind is JsonValueKind.String:
            case "boolean" when kind is JsonValueKind.True or JsonValueKind.False:
            case "number" when kind is JsonValueKind.Number:
            case "integer" when kind is JsonValueKind.Number && !value.ToJsonString().Contains('.', StringComparison.Ordinal):
            case null:
                return null;
            default:
                return Found(kind, path, owner, schema.Type switch
                {
                    "integer" => schema.Format ?? "int64",
                    "boolean" => "bool",
                    "array" => "[]" + (schema.Items?.Type ?? "object"),
                    "object" => schema.Name?.Split('.')[^1] ?? "map",
                    var other => other,
                });
        }
    }

    private static string Found(JsonValueKind kind, string path, string owner, string wanted)
    {
        var found = kind switch
        {
            JsonValueKind.True or JsonValueKind.False => "bool",
            var other => other.ToString().ToLowerInvariant(),
        };
        return $"json: cannot unmarshal {found} into Go struct field {owner.Split('.')[^1]}.{path} of type {wanted}";
    }
}
