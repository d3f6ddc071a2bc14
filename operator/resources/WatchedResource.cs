using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Resources;

/// <summary>One version of a resource, as it is held for sidecars: its document, and of the rest only what decides on it.</summary>
internal sealed class WatchedResource : IApiObject
{
    private WatchedResource()
    {
    }

    /// <inheritdoc/>
    public required ObjectMeta Metadata { get; init; }

    /// <summary>The kind.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary>Counts the changes of the specification.</summary>
    public required long Generation { get; init; }

    /// <summary>The apps that it is for; empty for all.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>The document for sidecars, as UTF-8, with references to Secrets as they are.</summary>
    public required byte[] Json { get; init; }

    /// <summary>The Secrets that the operator resolves for it.</summary>
    public required IReadOnlyList<string> Secrets { get; init; }

    /// <summary>The status that the cluster shows, as UTF-8; <see langword="null"/> when there is none.</summary>
    public byte[]? Status { get; init; }

    /// <summary>The document with Secrets in it, and the versions of these, once somebody asked for it.</summary>
    public ResolvedDocument? Resolved { get; set; }

    public string Name => Metadata.Name;

    public string Namespace => Metadata.Namespace ?? "";

    /// <summary>Whether it is for an app.</summary>
    public bool IsFor(string appId) => Scopes.Count == 0 || Scopes.Contains(appId);

    /// <summary>Reads an object of the API server.</summary>
    public static WatchedResource Read(ResourceKind kind, JsonElement json)
    {
        var metadata = json.Member("metadata");
        var document = ResourceDocument.Create(kind, json);
        return new WatchedResource
        {
            Kind = kind,
            Metadata = new ObjectMeta
            {
                Name = metadata.Text("name"),
                Namespace = metadata.Text("namespace"),
                Uid = metadata.Text("uid"),
                ResourceVersion = metadata.Text("resourceVersion"),
            },
            Generation = metadata.Member("generation") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var generation) ? generation : 0,
            Scopes = Texts(json.Member("scopes")),
            Json = ResourceDocument.Write(document),
            Secrets = [.. kind.FindSecrets(document).Select(r => r.Secret).Distinct()],
            Status = json.Member("status") is { ValueKind: JsonValueKind.Object } status ? JsonSerializer.SerializeToUtf8Bytes(status, ResourceDocument.Element) : null,
        };
    }

    /// <summary>The document, to be changed by the caller.</summary>
    public JsonObject ToDocument() => JsonNode.Parse(Json)!.AsObject();

    private static List<string> Texts(JsonElement list)
        => list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!)] : [];
}

/// <summary>A document with Secrets in it.</summary>
/// <param name="Versions">The versions of the Secrets, in the order in which the resource names them.</param>
/// <param name="Json">The document, as UTF-8.</param>
internal sealed record ResolvedDocument(string Versions, byte[] Json);
