using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Schemas;

namespace DaprK8s.KubernetesApi.CustomResources;

/// <summary>A CustomResourceDefinition: what it defines, and what the server itself writes into it.</summary>
internal static class Definition
{
    private const string Structural = "x-kubernetes-preserve-unknown-fields";

    /// <summary>The kinds that a definition defines, one for each served version.</summary>
    public static IReadOnlyList<ResourceType> TypesOf(JsonElement definition)
    {
        var spec = JsonObject.Create(definition)!["spec"]!;
        var names = spec["names"]!;
        return
        [
            .. spec["versions"]!.AsArray()
                // A stored version that is not served is kept: what is stored must still be read.
                .Where(v => (bool?)v!["served"] == true)
                .Select(v => TypeOf(spec, names, v!.AsObject())),
        ];
    }

    /// <summary>Fills in what was left out, and the status: names are free and the definition is in force at once.</summary>
    public static void Complete(JsonObject definition)
    {
        if (definition["spec"] is not JsonObject spec || spec["names"] is not JsonObject names)
        {
            return;
        }

        var kind = (string?)names["kind"] ?? "";
        names["singular"] ??= kind.ToLowerInvariant();
        names["listKind"] ??= kind + "List";
        spec["conversion"] ??= new JsonObject { ["strategy"] = "None" };
        if (spec["conversion"]?["webhook"]?["clientConfig"]?["service"] is JsonObject service)
        {
            service["port"] ??= 443;
        }

        var status = definition["status"] as JsonObject ?? [];
        var stored = (status["storedVersions"] as JsonArray)?.DeepClone().AsArray() ?? [];
        var current = spec["versions"]?.AsArray().FirstOrDefault(v => (bool?)v?["storage"] == true)?["name"];
        if (current is not null && !stored.Any(s => (string?)s == (string?)current))
        {
            stored.Add(current.DeepClone());
        }

        var conditions = status["conditions"] as JsonArray ?? [];
        definition["status"] = new JsonObject
        {
            ["acceptedNames"] = names.DeepClone(),
            ["conditions"] = new JsonArray(
                Condition(conditions, "NamesAccepted", "NoConflicts", "no conflicts found"),
                Condition(conditions, "Established", "InitialNamesAccepted", "the initial names have been accepted")),
            ["storedVersions"] = stored,
        };
    }

    /// <summary>What is wrong with a definition.</summary>
    public static IEnumerable<string> Problems(JsonObject definition)
    {
        var spec = definition["spec"];
        var plural = (string?)spec?["names"]?["plural"];
        var group = (string?)spec?["group"];
        var name = (string?)definition["metadata"]?["name"];
        if (name != $"{plural}.{group}")
        {
            yield return $"metadata.name: Invalid value: \"{name}\": must be spec.names.plural+\".\"+spec.group";
        }

        if ((string?)spec?["scope"] is not ("Namespaced" or "Cluster"))
        {
            yield return $"spec.scope: Unsupported value: \"{(string?)spec?["scope"]}\": supported values: \"Cluster\", \"Namespaced\"";
        }

        var versions = spec?["versions"] as JsonArray ?? [];
        if (versions.Count(v => (bool?)v?["storage"] == true) != 1)
        {
            yield return "spec.versions: Invalid value: must have exactly one version marked as storage version";
        }

        for (var i = 0; i < versions.Count; i++)
        {
            if (versions[i]?["schema"]?["openAPIV3Schema"] is not JsonObject schema)
            {
                yield return $"spec.versions[{i}].schema.openAPIV3Schema: Required value: schemas are required";
                continue;
            }

            foreach (var problem in Unstructured(schema, $"spec.versions[{i}].schema.openAPIV3Schema"))
            {
                yield return problem;
            }
        }

        if (definition["status"]?["storedVersions"] is JsonArray stored)
        {
            foreach (var gone in stored.Where(s => !versions.Any(v => (string?)v?["name"] == (string?)s)))
            {
                yield return $"status.storedVersions[0]: Invalid value: \"{(string?)gone}\": missing from spec.versions; {(string?)gone} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {(string?)gone} and removes {(string?)gone} from status.storedVersions";
            }
        }
    }

    /// <summary>A schema must be structural: every value that is described has a type.</summary>
    private static IEnumerable<string> Unstructured(JsonObject schema, string path)
    {
        if (schema["type"] is null && (bool?)schema[Structural] != true && (bool?)schema["x-kubernetes-int-or-string"] != true)
        {
            yield return $"{path}.type: Required value: must not be empty for specified {(path.EndsWith("openAPIV3Schema", StringComparison.Ordinal) ? "root" : "object fields")}";
        }

        if (schema["properties"] is JsonObject && schema["additionalProperties"] is JsonObject)
        {
            yield return $"{path}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive";
        }

        foreach (var (name, property) in schema["properties"] as JsonObject ?? [])
        {
            foreach (var problem in Unstructured(property!.AsObject(), $"{path}.properties[{name}]"))
            {
                yield return problem;
            }
        }

        foreach (var part in (string[])["items", "additionalProperties"])
        {
            if (schema[part] is JsonObject inner)
            {
                foreach (var problem in Unstructured(inner, $"{path}.{part}"))
                {
                    yield return problem;
                }
            }
        }

        if ((string?)schema["type"] == "array" && schema["items"] is not JsonObject)
        {
            yield return $"{path}.items: Required value: must be specified";
        }
    }

    private static ResourceType TypeOf(JsonNode spec, JsonNode names, JsonObject version)
    {
        var schema = version["schema"]?["openAPIV3Schema"]?.AsObject();
        var kind = (string)names["kind"]!;
        var scale = version["subresources"]?["scale"];
        var scope = (string?)spec["scope"] == "Namespaced";
        return new ResourceType((string)spec["group"]!, (string)version["name"]!, (string)names["plural"]!, kind, scope)
        {
            UpdatesNeedVersion = true,
            HasStatus = version["subresources"]?["status"] is not null,
            Singular = (string?)names["singular"] ?? kind.ToLowerInvariant(),
            ListKind = (string?)names["listKind"] ?? kind + "List",
            ShortNames = Texts(names["shortNames"]),
            Categories = Texts(names["categories"]),
            Scale = scale is null
                ? null
                : new ScalePaths((string)scale["specReplicasPath"]!, (string)scale["statusReplicasPath"]!, (string?)scale["labelSelectorPath"]),
            Schema = schema is null ? null : SchemaReader.ReadResource(schema),
            SchemaSource = schema?.DeepClone().AsObject(),
            Columns = version["additionalPrinterColumns"] is JsonArray columns ? [.. columns.Select(c => ColumnOf(c!))] : null,
            IsStored = (bool?)version["storage"] == true,
            Conversion = (string?)spec["conversion"]?["strategy"] == "Webhook" ? spec["conversion"]!["webhook"]!.DeepClone().AsObject() : null,
            DeprecationWarning = (bool?)version["deprecated"] == true
                ? (string?)version["deprecationWarning"] ?? $"{(string)spec["group"]!}/{(string)version["name"]!} {kind} is deprecated"
                : null,
        };
    }

    private static PrinterColumn ColumnOf(JsonNode column) => new(
        (string)column["name"]!,
        (string?)column["type"] ?? "string",
        (string?)column["format"],
        (string?)column["description"] ?? "",
        (int?)column["priority"] ?? 0,
        (string)column["jsonPath"]!);

    private static JsonObject Condition(JsonArray before, string type, string reason, string message)
        => before.FirstOrDefault(c => (string?)c?["type"] == type)?.DeepClone().AsObject() ?? new JsonObject
        {
            ["type"] = type,
            ["status"] = "True",
            ["reason"] = reason,
            ["message"] = message,
            ["lastTransitionTime"] = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };

    private static IReadOnlyList<string> Texts(JsonNode? list) => list is JsonArray texts ? [.. texts.Select(t => (string)t!)] : [];
}
