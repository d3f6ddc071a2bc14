using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Reload;
using Google.Protobuf;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// A resource as the operator sends it: a JSON document in which <c>null</c> means absent and which need not say what it is
/// (contract: k8s 1.10, 2.9).
/// </summary>
internal static class ResourceDocument
{
    /// <summary>Reads a document. A Configuration comes laid over the built-in defaults.</summary>
    /// <exception cref="ResourceException">It is no such resource; the text holds no value of it.</exception>
    public static Resource Parse(string kind, ByteString bytes)
    {
        try
        {
            if (JsonNode.Parse(bytes.Span) is not JsonObject json)
            {
                throw new ResourceException($"a {kind} of the operator is no JSON object");
            }

            RemoveNulls(json);
            Complete(json, "kind", kind);
            Complete(json, "apiVersion", kind == ResourceKinds.Subscription ? "dapr.io/v2alpha1" : "dapr.io/v1alpha1");
            json["spec"] ??= new JsonObject();
            if ((string?)json["metadata"]?["name"] is not { Length: > 0 } name)
            {
                throw new ResourceException($"a {kind} of the operator has no name");
            }

            if (kind == ResourceKinds.Component && string.IsNullOrEmpty((string?)json["spec"]!["type"]))
            {
                throw new ResourceException($"{kind} {name} has no spec.type");
            }

            var problem = (string?)json[SecretProblems.Member];
            json.Remove(SecretProblems.Member);
            var resource = Read(kind, json);
            resource.SecretProblem = problem;
            return resource;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // Positions only: texts of the parser may quote what they stumble over.
            throw new ResourceException($"a {kind} of the operator can't be read{Where(e)}", e);
        }
    }

    private static Resource Read(string kind, JsonObject json)
        => kind switch
        {
            ResourceKinds.Component => json.Deserialize(DaprResources.Components.Json)!,
            ResourceKinds.HttpEndpoint => json.Deserialize(DaprResources.HttpEndpoints.Json)!,
            ResourceKinds.Subscription => json.Deserialize(DaprResources.Subscriptions.Json)!,
            ResourceKinds.Configuration => ConfigurationFiles.Load(json),
            _ => json.Deserialize(DaprResources.Untyped)!,
        };

    private static void Complete(JsonObject json, string member, string value)
    {
        if ((json[member] as JsonValue)?.GetValueKind() != JsonValueKind.String || (string?)json[member] is "")
        {
            json[member] = value;
        }
    }

    private static void RemoveNulls(JsonNode node)
    {
        if (node is JsonObject members)
        {
            foreach (var name in members.Where(m => m.Value is null).Select(m => m.Key).ToArray())
            {
                members.Remove(name);
            }

            foreach (var (_, value) in members)
            {
                RemoveNulls(value!);
            }
        }
        else if (node is JsonArray items)
        {
            for (var i = items.Count - 1; i >= 0; i--)
            {
                if (items[i] is { } item)
                {
                    RemoveNulls(item);
                }
                else
                {
                    items.RemoveAt(i);
                }
            }
        }
    }

    private static string Where(Exception e)
        => e is JsonException { Path: { Length: > 0 } path } ? $" at {path}" : e is JsonException { BytePositionInLine: { } position } ? $" at byte {position}" : "";
}
