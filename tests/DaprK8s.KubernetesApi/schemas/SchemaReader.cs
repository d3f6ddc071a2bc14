using System.Globalization;
using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Schemas;

/// <summary>Reads the <c>openAPIV3Schema</c> of a CustomResourceDefinition.</summary>
internal static class SchemaReader
{
    /// <summary>The schema of a whole custom resource: its metadata is what all objects have.</summary>
    public static Schema ReadResource(JsonObject source)
    {
        var schema = Read(source);
        schema.Type ??= "object";
        schema.Properties["apiVersion"] = new Schema { Type = "string" };
        schema.Properties["kind"] = new Schema { Type = "string" };
        schema.Properties["metadata"] = ModelSchemas.Of("V1ObjectMeta");
        return schema;
    }

    private static Schema Read(JsonObject source)
    {
        var schema = new Schema
        {
            Type = (string?)source["type"],
            Format = (string?)source["format"],
            Description = (string?)source["description"],
            Items = source["items"] is JsonObject items ? Read(items) : null,
            Values = source["additionalProperties"] switch
            {
                JsonObject values => Read(values),
                JsonValue all when all.TryGetValue<bool>(out var any) && any => new Schema { PreservesUnknown = true },
                _ => null,
            },
            Required = Texts(source["required"]),
            Enum = source["enum"]?.DeepClone().AsArray(),
            HasDefault = source.ContainsKey("default"),
            Default = source["default"]?.DeepClone(),
            Nullable = Flag(source["nullable"]),
            IntOrString = Flag(source["x-kubernetes-int-or-string"]),
            PreservesUnknown = Flag(source["x-kubernetes-preserve-unknown-fields"]),
            EmbeddedResource = Flag(source["x-kubernetes-embedded-resource"]),
            MinLength = Whole(source["minLength"]),
            MaxLength = Whole(source["maxLength"]),
            MinItems = Whole(source["minItems"]),
            MaxItems = Whole(source["maxItems"]),
            MinProperties = Whole(source["minProperties"]),
            MaxProperties = Whole(source["maxProperties"]),
            UniqueItems = Flag(source["uniqueItems"]),
            Pattern = (string?)source["pattern"],
            Minimum = Number(source["minimum"]),
            Maximum = Number(source["maximum"]),
            ExclusiveMinimum = Flag(source["exclusiveMinimum"]),
            ExclusiveMaximum = Flag(source["exclusiveMaximum"]),
            MultipleOf = Number(source["multipleOf"]),
            AllOf = All(source["allOf"]),
            AnyOf = All(source["anyOf"]),
            OneOf = All(source["oneOf"]),
            Not = source["not"] is JsonObject not ? Read(not) : null,
            MapKeys = (string?)source["x-kubernetes-list-type"] == "map" ? Texts(source["x-kubernetes-list-map-keys"]) : [],
            IsSet = (string?)source["x-kubernetes-list-type"] == "set",
            IsAtomic = (string?)source["x-kubernetes-map-type"] == "atomic",
            Validations = source["x-kubernetes-validations"] is JsonArray rules
                ? [.. rules.OfType<JsonObject>().Select(r => new ValidationRule(
                    (string?)r["rule"] ?? "true", (string?)r["message"], (string?)r["messageExpression"], (string?)r["reason"], (string?)r["fieldPath"]))]
                : [],
        };
        foreach (var (name, property) in source["properties"] as JsonObject ?? [])
        {
            if (property is JsonObject described)
            {
                schema.Properties[name] = Read(described);
            }
        }

        return schema;
    }

    private static IReadOnlyList<Schema> All(JsonNode? list) => list is JsonArray schemas ? [.. schemas.OfType<JsonObject>().Select(Read)] : [];

    private static IReadOnlyList<string> Texts(JsonNode? list) => list is JsonArray texts ? [.. texts.Select(t => (string)t!)] : [];

    private static bool Flag(JsonNode? value) => value is JsonValue v && v.TryGetValue<bool>(out var flag) && flag;

    private static double? Number(JsonNode? value)
        => value is null ? null : double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    private static long? Whole(JsonNode? value) => (long?)Number(value);
}
