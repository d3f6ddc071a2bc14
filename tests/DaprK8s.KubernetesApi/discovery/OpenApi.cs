using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.Discovery;

/// <summary>The OpenAPI v3 documents: an index, and one for each group and version with its paths and schemas.</summary>
internal sealed class OpenApi(ResourceTypes types, Func<string> version)
{
    private const string KindExtension = "x-kubernetes-group-version-kind";

    /// <summary>The answer for a path below <c>/openapi/v3</c>; nothing when there is none.</summary>
    public JsonObject? Answer(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["openapi", "v3"] => Index(),
            ["openapi", "v3", "api", var v] => Document("", v),
            ["openapi", "v3", "apis", var group, var v] => Document(group, v),
            _ => null,
        };
    }

    private JsonObject Index()
    {
        var paths = new JsonObject();
        foreach (var (group, v) in types.All.Select(t => (t.Group, t.Version)).Distinct())
        {
            var path = group.Length == 0 ? $"api/{v}" : $"apis/{group}/{v}";
            // Clients keep a document for as long as its hash is the same.
            var hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Document(group, v)!.ToJsonString())));
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}?hash={hash}" };
        }

        return new JsonObject { ["paths"] = paths };
    }

    private JsonObject? Document(string group, string v)
    {
        var served = types.All.Where(t => t.Group == group && t.Version == v).ToList();
        if (served.Count == 0)
        {
            return null;
        }

        var schemas = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        var paths = new JsonObject();
        foreach (var type in served)
        {
            var name = AddSchema(type, schemas);
            var root = group.Length == 0 ? $"/api/{v}" : $"/apis/{group}/{v}";
            var collection = type.Namespaced ? $"{root}/namespaces/{{namespace}}/{type.Plural}" : $"{root}/{type.Plural}";
            paths[collection] = new JsonObject
            {
                ["get"] = Operation(type, "list", name),
                ["post"] = Operation(type, "post", name, "dryRun", "fieldManager", "fieldValidation"),
            };
            paths[$"{collection}/{{name}}"] = new JsonObject
            {
                ["get"] = Operation(type, "get", name),
                ["put"] = Operation(type, "put", name, "dryRun", "fieldManager", "fieldValidation"),
                ["patch"] = Operation(type, "patch", name, "dryRun", "fieldManager", "fieldValidation", "force"),
                ["delete"] = Operation(type, "delete", name, "dryRun", "gracePeriodSeconds", "propagationPolicy"),
            };
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = new JsonObject { ["title"] = "Kubernetes", ["version"] = version() },
            ["paths"] = paths,
            ["components"] = new JsonObject { ["schemas"] = new JsonObject(schemas.Select(s => KeyValuePair.Create<string, JsonNode?>(s.Key, s.Value))) },
        };
    }

    private static JsonObject Operation(ResourceType type, string action, string schema, params string[] parameters) => new()
    {
        ["operationId"] = $"{action}{type.Group}{type.Version}{type.Kind}",
        ["parameters"] = new JsonArray([.. parameters.Select(p => new JsonObject
        {
            ["name"] = p, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
        })]),
        ["responses"] = new JsonObject
        {
            ["200"] = new JsonObject
            {
                ["description"] = "OK",
                ["content"] = new JsonObject
                {
                    ["application/json"] = new JsonObject { ["schema"] = new JsonObject { ["$ref"] = $"#/components/schemas/{schema}" } },
                },
            },
        },
        ["x-kubernetes-action"] = action,
        [KindExtension] = KindOf(type),
    };

    private static JsonObject KindOf(ResourceType type) => new() { ["group"] = type.Group, ["kind"] = type.Kind, ["version"] = type.Version };

    private static string AddSchema(ResourceType type, SortedDictionary<string, JsonObject> schemas)
    {
        if (type.SchemaSource is null && type.Schema is { Name: { } known } model)
        {
            AddModel(model, schemas);
            schemas[known][KindExtension] = new JsonArray(KindOf(type));
            return known;
        }

        var name = $"{string.Join('.', type.Group.Split('.').Reverse())}.{type.Version}.{type.Kind}";
        var schema = type.SchemaSource?.DeepClone().AsObject() ?? new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        var properties = schema["properties"] as JsonObject ?? [];
        var metadata = ModelSchemas.Of("V1ObjectMeta");
        AddModel(metadata, schemas);
        properties["apiVersion"] = new JsonObject { ["type"] = "string", ["description"] = "The version of the schema that this object is written in." };
        properties["kind"] = new JsonObject { ["type"] = "string", ["description"] = "The kind of this object." };
        properties["metadata"] = new JsonObject
        {
            ["description"] = "Standard object's metadata.",
            ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/components/schemas/{metadata.Name}" }),
        };
        if (properties.Parent is null)
        {
            schema["properties"] = properties;
        }

        schema[KindExtension] = new JsonArray(KindOf(type));
        schemas[name] = schema;
        return name;
    }

    private static void AddModel(Schema model, SortedDictionary<string, JsonObject> schemas)
    {
        if (schemas.ContainsKey(model.Name!))
        {
            return;
        }

        var body = schemas[model.Name!] = new JsonObject { ["type"] = "object" };
        var properties = new JsonObject();
        foreach (var (name, member) in model.Properties)
        {
            properties[name] = Reference(member, schemas);
        }

        body["properties"] = properties;
        if (model.IsAtomic)
        {
            body["x-kubernetes-map-type"] = "atomic";
        }
    }

    private static JsonObject Reference(Schema schema, SortedDictionary<string, JsonObject> schemas)
    {
        if (schema.Name is { } name)
        {
            AddModel(schema, schemas);
            return new JsonObject { ["allOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/components/schemas/{name}" }), ["default"] = new JsonObject() };
        }

        var body = new JsonObject();
        if (schema.IntOrString || schema.Quantity)
        {
            body["oneOf"] = new JsonArray(
                new JsonObject { ["type"] = schema.IntOrString ? "integer" : "number" }, new JsonObject { ["type"] = "string" });
            return body;
        }

        body["type"] = schema.Type ?? "object";
        if (schema.Format is { } format)
        {
            body["format"] = format;
        }

        if (schema.Items is { } items)
        {
            body["items"] = Reference(items, schemas);
            body["x-kubernetes-list-type"] = schema.MapKeys.Count > 0 ? "map" : schema.IsSet ? "set" : "atomic";
            if (schema.MapKeys.Count > 0)
            {
                body["x-kubernetes-list-map-keys"] = new JsonArray([.. schema.MapKeys.Select(k => JsonValue.Create(k))]);
            }

            if (schema.PatchMergeKey is { } key)
            {
                body["x-kubernetes-patch-merge-key"] = key;
                body["x-kubernetes-patch-strategy"] = schema.RetainsKeys ? "merge,retainKeys" : "merge";
            }
            else if (schema.IsSet)
            {
                body["x-kubernetes-patch-strategy"] = "merge";
            }
        }

        if (schema.Values is { } values)
        {
            body["additionalProperties"] = Reference(values, schemas);
        }

        return body;
    }
}
