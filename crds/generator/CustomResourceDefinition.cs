using System.Reflection;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Generator;

/// <summary>Makes the <c>CustomResourceDefinition</c> of a model (contract: k8s 1.1).</summary>
internal sealed class CustomResourceDefinition(Type model, Descriptions descriptions)
{
    private const string ApiVersionText =
        "The version of the schema that this object is written in. More: "
        + "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";

    private const string KindText =
        "The kind of this object. More: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";

    private readonly CustomResourceAttribute resource = model.GetCustomAttribute<CustomResourceAttribute>()
        ?? throw new InvalidOperationException($"{model} is no custom resource");

    /// <summary>The name of the file, without ending.</summary>
    public string File => resource.File;

    /// <summary>The whole definition.</summary>
    public JsonObject Build()
    {
        var spec = new JsonObject
        {
            ["group"] = "dapr.io",
            ["names"] = new JsonObject
            {
                ["kind"] = resource.Kind,
                ["listKind"] = resource.Kind + "List",
                ["plural"] = resource.Plural,
                ["singular"] = resource.Kind.ToLowerInvariant(),
                ["shortNames"] = new JsonArray(resource.ShortName),
                ["categories"] = new JsonArray("dapr"),
            },
            ["scope"] = "Namespaced",
        };
        if (resource.Versions.Length > 1)
        {
            spec["conversion"] = Conversion();
        }

        spec["versions"] = new JsonArray([.. resource.Versions.Select(Version)]);
        return new JsonObject
        {
            ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["kind"] = "CustomResourceDefinition",
            ["metadata"] = new JsonObject
            {
                ["name"] = resource.Plural + ".dapr.io",
                ["labels"] = new JsonObject { ["app.kubernetes.io/part-of"] = "dapr" },
            },
            ["spec"] = spec,
        };
    }

    // Namespace and CA bundle are filled in by the operator (contract: k8s 1.5, 2.12).
    private static JsonObject Conversion()
        => new()
        {
            ["strategy"] = "Webhook",
            ["webhook"] = new JsonObject
            {
                ["clientConfig"] = new JsonObject
                {
                    ["service"] = new JsonObject { ["namespace"] = "replaceme", ["name"] = "dapr-webhook", ["path"] = "/convert" },
                },
                ["conversionReviewVersions"] = new JsonArray("v1", "v2alpha1"),
            },
        };

    private JsonObject Version(string version)
    {
        var columns = model.GetCustomAttributes<PrinterColumnAttribute>()
            .Where(c => c.Version is null || c.Version == version).Select(Column);
        return new JsonObject
        {
            ["name"] = version,
            ["served"] = true,
            ["storage"] = version == resource.Versions[^1],
            ["additionalPrinterColumns"] = new JsonArray([.. columns]),
            ["schema"] = new JsonObject { ["openAPIV3Schema"] = Root(version) },
            ["subresources"] = new JsonObject { ["status"] = new JsonObject() },
        };
    }

    private static JsonObject Column(PrinterColumnAttribute column)
    {
        var result = new JsonObject
        {
            ["name"] = column.Name,
            ["type"] = column.Type,
            ["jsonPath"] = column.Path,
            ["description"] = column.Description,
        };
        if (column.Wide)
        {
            result["priority"] = 1;
        }

        return result;
    }

    private JsonObject Root(string version)
    {
        var builder = new SchemaBuilder(descriptions, version);
        var properties = new JsonObject
        {
            ["apiVersion"] = new JsonObject { ["description"] = ApiVersionText, ["type"] = "string" },
            ["kind"] = new JsonObject { ["description"] = KindText, ["type"] = "string" },
            ["metadata"] = new JsonObject { ["type"] = "object" },
            ["spec"] = builder.Field(model.GetProperty("Spec")!),
        };
        if (model.GetProperty("Auth") is { } auth)
        {
            properties["auth"] = builder.Field(auth);
        }

        if (resource.HasScopes)
        {
            properties["scopes"] = builder.Field(model.GetProperty(nameof(Resource.Scopes))!);
        }

        properties["status"] = builder.Field(model.GetProperty(nameof(Resource.Status))!);
        return new JsonObject { ["description"] = descriptions.Of(model), ["type"] = "object", ["properties"] = properties };
    }
}
