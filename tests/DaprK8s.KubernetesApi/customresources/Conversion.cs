using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Admission;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;
using DaprK8s.KubernetesApi.Storage;

namespace DaprK8s.KubernetesApi.CustomResources;

/// <summary>Turns objects into another version of their kind: by a webhook where the definition names one, else by name alone.</summary>
internal sealed class Conversion(ResourceTypes types, WebhookClient client)
{
    /// <summary>A stored object in the wanted version.</summary>
    public async Task<StoredObject> ToAsync(StoredObject stored, ResourceType wanted, CancellationToken cancellationToken)
        => stored.Type == wanted || stored.Type.ApiVersion == wanted.ApiVersion ? stored : (await ToAsync([stored], wanted, cancellationToken))[0];

    /// <summary>Stored objects in the wanted version, in the same order.</summary>
    public async Task<IReadOnlyList<StoredObject>> ToAsync(IReadOnlyList<StoredObject> stored, ResourceType wanted, CancellationToken cancellationToken)
    {
        if (stored.All(s => s.Type.ApiVersion == wanted.ApiVersion))
        {
            return stored;
        }

        var converted = await ConvertAsync([.. stored.Select(s => s.ToNode())], wanted, cancellationToken);
        return [.. stored.Zip(converted, (s, body) => s with { Type = wanted, Body = JsonSerializer.SerializeToElement(body) })];
    }

    /// <summary>An object of a request in the version that it is stored in.</summary>
    public async Task<JsonObject> ToStorageAsync(ResourceType type, JsonObject body, CancellationToken cancellationToken)
        => types.StorageOf(type) is { } storage && storage.ApiVersion != type.ApiVersion
            ? (await ConvertAsync([body], storage, cancellationToken))[0]
            : body;

    private async Task<IReadOnlyList<JsonObject>> ConvertAsync(IReadOnlyList<JsonObject> objects, ResourceType wanted, CancellationToken cancellationToken)
    {
        if (wanted.Group == "events.k8s.io" || objects.Any(o => (string?)o["apiVersion"] == "events.k8s.io/v1"))
        {
            return [.. objects.Select(o => Events.Convert(o, wanted))];
        }

        // The stored version may be converted by the webhook of any served version of the same definition.
        var webhook = wanted.Conversion;
        var toConvert = objects.Where(o => (string?)o["apiVersion"] != wanted.ApiVersion).ToList();
        if (webhook is null || toConvert.Count == 0)
        {
            return [.. objects.Select(o => Renamed(o, wanted))];
        }

        var uid = Guid.NewGuid().ToString();
        var review = new JsonObject
        {
            ["kind"] = "ConversionReview",
            ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["request"] = new JsonObject
            {
                ["uid"] = uid,
                ["desiredAPIVersion"] = wanted.ApiVersion,
                ["objects"] = new JsonArray([.. toConvert.Select(o => o.DeepClone())]),
            },
        };
        var name = $"conversion webhook for {(string?)toConvert[0]["apiVersion"]}, Kind={wanted.Kind}";
        JsonNode? response;
        try
        {
            response = (await client.CallAsync(webhook["clientConfig"]!.AsObject(), review, TimeSpan.FromSeconds(30), cancellationToken))["response"];
        }
        catch (WebhookException e)
        {
            throw new ApiException(500, "InternalError", $"{name} failed: {e.Message}");
        }

        if ((string?)response?["uid"] != uid || (string?)response?["result"]?["status"] != "Success")
        {
            throw new ApiException(500, "InternalError", $"{name} failed: {(string?)response?["result"]?["message"] ?? "no result"}");
        }

        var converted = response?["convertedObjects"] as JsonArray ?? [];
        if (converted.Count != toConvert.Count)
        {
            throw new ApiException(500, "InternalError", $"{name} returned {converted.Count} objects, expected {toConvert.Count}");
        }

        var next = 0;
        return [.. objects.Select(o => (string?)o["apiVersion"] == wanted.ApiVersion ? o : Checked(o, converted[next++]!.AsObject(), wanted, name))];
    }

    /// <summary>A webhook may change anything but who the object is.</summary>
    private static JsonObject Checked(JsonObject before, JsonObject after, ResourceType wanted, string name)
    {
        if ((string?)after["apiVersion"] != wanted.ApiVersion || (string?)after["metadata"]?["uid"] != (string?)before["metadata"]?["uid"]
            || (string?)after["metadata"]?["name"] != (string?)before["metadata"]?["name"])
        {
            throw new ApiException(500, "InternalError", $"{name} returned invalid converted object: apiVersion, name and uid must be as asked");
        }

        var result = after.DeepClone().AsObject();
        var metadata = before["metadata"]!.DeepClone().AsObject();
        // Labels and annotations alone are the webhook's to change.
        foreach (var free in (string[])["labels", "annotations"])
        {
            metadata.Remove(free);
            if (after["metadata"]?[free] is { } value)
            {
                metadata[free] = value.DeepClone();
            }
        }

        result["metadata"] = metadata;
        return result;
    }

    private static JsonObject Renamed(JsonObject body, ResourceType wanted)
    {
        var result = body.DeepClone().AsObject();
        result["apiVersion"] = wanted.ApiVersion;
        result["kind"] = wanted.Kind;
        return result;
    }
}
