using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace DaprK8s.Common.Resources;

/// <summary>Tells whether two documents say the same (contract: operations 3.7: of the metadata only the name counts).</summary>
public static class ResourceContent
{
    /// <summary>A digest of all that counts in a resource: name, specification, scopes and secret store.</summary>
    public static string DigestOf(Resource resource)
    {
        var json = (JsonObject)JsonSerializer.SerializeToNode(resource, TypeOf(resource))!;
        json.Remove("metadata");
        json.Remove("status");
        json.Remove("apiVersion");
        json.Remove("kind");
        json["name"] = resource.Name;
        json[SecretProblems.Member] = resource.SecretProblem;
        return Convert.ToHexString(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(json, ResourceJson.Default.JsonObject)));
    }

    /// <summary>The blocks of a Configuration's specification that differ, by their names in manifests.</summary>
    public static IReadOnlyList<string> DifferingBlocks(Configuration one, Configuration other)
    {
        var (first, second) = (Blocks(one), Blocks(other));
        return [.. first.Select(b => b.Key).Union(second.Select(b => b.Key)).Where(b => !JsonNode.DeepEquals(first[b], second[b])).Order(StringComparer.Ordinal)];
    }

    private static JsonObject Blocks(Configuration configuration)
        => (JsonObject)JsonSerializer.SerializeToNode(configuration, ResourceJson.Default.Configuration)!["spec"]!;

    private static JsonTypeInfo TypeOf(Resource resource)
        => ResourceJson.Default.GetTypeInfo(resource.GetType())
            ?? throw new ArgumentException($"{resource.GetType().Name} is no resource that can be loaded", nameof(resource));
}
