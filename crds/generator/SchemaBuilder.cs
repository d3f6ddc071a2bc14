using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Generator;

/// <summary>Makes the structural schema of a model's type, for one version of the resource.</summary>
internal sealed class SchemaBuilder(Descriptions descriptions, string version)
{
    /// <summary>The schema of an object of a type, without description.</summary>
    public JsonObject Object(Type type)
    {
        var properties = new JsonObject();
        var required = new JsonArray();
        foreach (var property in FieldsOf(type))
        {
            var facts = property.GetCustomAttribute<SchemaAttribute>() ?? new SchemaAttribute();
            properties.Add(NameOf(property), Field(property, facts));
            if (facts.Required)
            {
                required.Add(NameOf(property));
            }
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0)
        {
            schema["required"] = required;
        }

        if (type.GetCustomAttribute<SchemaAttribute>() is { Rule: { } rule } onType)
        {
            schema["x-kubernetes-validations"] = new JsonArray(new JsonObject { ["rule"] = rule, ["message"] = onType.RuleMessage });
        }

        return schema;
    }

    /// <summary>The schema of a field.</summary>
    public JsonObject Field(PropertyInfo property)
        => Field(property, property.GetCustomAttribute<SchemaAttribute>() ?? new SchemaAttribute());

    private JsonObject Field(PropertyInfo property, SchemaAttribute facts)
    {
        var schema = new JsonObject { ["description"] = descriptions.Of(property) };
        foreach (var (key, value) in TypeSchema(property, facts).ToList())
        {
            schema[key] = value?.DeepClone();
        }

        AddFacts(schema, facts);
        return schema;
    }

    private JsonObject TypeSchema(PropertyInfo property, SchemaAttribute facts)
    {
        if (facts.Any)
        {
            return new JsonObject { ["x-kubernetes-preserve-unknown-fields"] = true };
        }

        if (facts.PreserveUnknownFields)
        {
            return new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        }

        return facts.Items is { } items ? Array(items) : Of(property.PropertyType);
    }

    private JsonObject Of(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
        {
            return new JsonObject { ["type"] = "string" };
        }

        if (type == typeof(bool))
        {
            return new JsonObject { ["type"] = "boolean" };
        }

        if (type == typeof(int) || type == typeof(long))
        {
            return new JsonObject { ["type"] = "integer" };
        }

        if (type == typeof(DateTimeOffset))
        {
            return new JsonObject { ["type"] = "string", ["format"] = "date-time" };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
        {
            return Array(type.GetGenericArguments()[0]);
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>))
        {
            return new JsonObject { ["type"] = "object", ["additionalProperties"] = Of(type.GetGenericArguments()[1]) };
        }

        return type == typeof(JsonElement)
            ? throw new InvalidOperationException("a field that keeps its JSON must say what its schema is")
            : Object(type);
    }

    private JsonObject Array(Type item) => new() { ["type"] = "array", ["items"] = Of(item) };

    private static void AddFacts(JsonObject schema, SchemaAttribute facts)
    {
        if (facts.Enum is { } values)
        {
            var target = schema["items"] as JsonObject ?? schema;
            target["enum"] = new JsonArray([.. values.Select(v => JsonValue.Create(v))]);
        }

        AddText(schema, "format", facts.Format);
        AddText(schema, "pattern", facts.Pattern);
        AddNumber(schema, "minimum", facts.Minimum);
        AddNumber(schema, "minLength", facts.MinLength);
        AddNumber(schema, "maxLength", facts.MaxLength);
        AddNumber(schema, "minItems", facts.MinItems);
        AddNumber(schema, "maxItems", facts.MaxItems);
        AddText(schema, "x-kubernetes-list-type", facts.ListType);
        if (facts.ListMapKey is { } key)
        {
            schema["x-kubernetes-list-map-keys"] = new JsonArray(key);
        }

        if (facts.Default is { } json)
        {
            schema["default"] = JsonNode.Parse(json);
        }
    }

    private static void AddText(JsonObject schema, string name, string? value)
    {
        if (value is not null)
        {
            schema[name] = value;
        }
    }

    private static void AddNumber(JsonObject schema, string name, int value)
    {
        if (value >= 0)
        {
            schema[name] = value;
        }
    }

    private IEnumerable<PropertyInfo> FieldsOf(Type type)
        => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.GetCustomAttribute<JsonIgnoreAttribute>() is null)
            .Where(p => p.GetCustomAttribute<SchemaAttribute>() is not { } facts
                || (!facts.Absent && (facts.Version is null || facts.Version == version)));

    private static string NameOf(PropertyInfo property)
        => property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.CamelCase.ConvertName(property.Name);
}
