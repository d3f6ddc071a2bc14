using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace DaprK8s.Common.Resources;

/// <summary>
/// The JSON in which a resource crosses the operator's API (contract: k8s 1.10): what an object of the cluster becomes on the
/// operator's side, and how the sidecar reads it.
/// </summary>
public static class SidecarDocument
{
    private const string DefaultVersion = "dapr.io/v1alpha1";
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>Makes the document of an object; Subscriptions of the older version are converted.</summary>
    /// <param name="kind">The object's kind; the items of a list need not say it themselves.</param>
    /// <param name="stored">The object, which is left as it is.</param>
    /// <returns>
    /// A tree of its own, with a member for each that Dapr's operator always sends. Secret references are in it as they stand: putting
    /// the values of secrets in is the operator's.
    /// </returns>
    public static JsonObject From(string kind, JsonObject stored)
    {
        if (kind == "Subscription" && TextOf(stored, "apiVersion") == SubscriptionConversion.V1)
        {
            stored = (JsonObject)stored.DeepClone();
            stored["kind"] = kind;
            stored = SubscriptionConversion.Convert(stored, SubscriptionConversion.V2);
        }

        var spec = Copy(stored["spec"]);
        var version = TextOf(stored, "apiVersion");
        var document = new JsonObject
        {
            ["kind"] = kind,
            ["apiVersion"] = version.Length > 0 ? version : kind == "Subscription" ? SubscriptionConversion.V2 : DefaultVersion,
            ["metadata"] = Metadata(stored["metadata"]),
            ["spec"] = Complete(kind, spec),
        };
        if (stored["scopes"] is JsonArray { Count: > 0 } scopes)
        {
            document["scopes"] = scopes.DeepClone();
        }

        if (kind is "Component" or "HTTPEndpoint")
        {
            var auth = Copy(stored["auth"]);
            Default(auth, "secretStore", "");
            document["auth"] = auth;
        }

        return document;
    }

    /// <summary>Reads a document. A <c>null</c> counts as absent.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="type">Reads the kind; see <see cref="Kubernetes.DaprResources"/>.</param>
    /// <exception cref="JsonException">The text is no JSON, or does not fit the kind.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : Resource
    {
        if (JsonNode.Parse(json) is not JsonObject document)
        {
            throw new JsonException("a resource must be a JSON object");
        }

        return Read(document, type);
    }

    /// <summary>Reads a document that is a tree already, and takes each <c>null</c> out of it.</summary>
    /// <exception cref="JsonException">The document does not fit the kind.</exception>
    public static T Read<T>(JsonObject document, JsonTypeInfo<T> type)
        where T : Resource
    {
        DropNulls(document);
        return document.Deserialize(type)!;
    }

    private static JsonObject Metadata(JsonNode? stored)
    {
        var metadata = Copy(stored);

        // Who wrote which field, and what kubectl notes for itself, is of no use to a sidecar and often longer than all the rest.
        metadata.Remove("managedFields");
        (metadata["annotations"] as JsonObject)?.Remove(LastApplied);
        Default(metadata, "creationTimestamp", null);
        return metadata;
    }

    private static JsonObject Complete(string kind, JsonObject spec)
    {
        switch (kind)
        {
            case "Component":
                Default(spec, "type", "");
                Default(spec, "version", "");
                Default(spec, "ignoreErrors", false);
                Default(spec, "initTimeout", "");
                spec["metadata"] = Pairs(spec["metadata"]);
                break;
            case "HTTPEndpoint":
                Default(spec, "baseUrl", "");
                spec["headers"] = Pairs(spec["headers"]);
                CompleteClientTls(spec);
                break;
            case "Subscription":
                CompleteSubscription(spec);
                break;
            case "Resiliency":
                CompleteResiliency(spec);
                break;
            case "Configuration":
                CompleteConfiguration(spec);
                break;
            case "MCPServer":
                CompleteMcpServer(spec);
                break;
        }

        return spec;
    }

    private static void CompleteClientTls(JsonObject spec)
    {
        if (spec["clientTLS"] is not JsonObject tls)
        {
            spec.Remove("clientTLS");
            return;
        }

        foreach (var name in (ReadOnlySpan<string>)["rootCA", "certificate", "privateKey", "renegotiation"])
        {
            Default(tls, name, null);
        }
    }

    private static void CompleteSubscription(JsonObject spec)
    {
        Default(spec, "pubsubname", "");
        Default(spec, "topic", "");
        Default(spec, "routes", new JsonObject());
        Default(spec, "bulkSubscribe", new JsonObject());
        Default((JsonObject)spec["bulkSubscribe"]!, "enabled", false);
        if (spec["metadata"] is not JsonObject { Count: > 0 })
        {
            spec.Remove("metadata");
        }

        if (TextOf(spec, "deadLetterTopic").Length == 0)
        {
            spec.Remove("deadLetterTopic");
        }
    }

    private static void CompleteResiliency(JsonObject spec)
    {
        Default(spec, "policies", new JsonObject());
        Default(spec, "targets", new JsonObject());
        if ((spec["targets"] as JsonObject)?["components"] is JsonObject components)
        {
            foreach (var (_, target) in components)
            {
                if (target is JsonObject directions)
                {
                    Default(directions, "inbound", new JsonObject());
                    Default(directions, "outbound", new JsonObject());
                }
            }
        }
    }

    private static void CompleteConfiguration(JsonObject spec)
    {
        if (spec["mtls"] is JsonObject mtls)
        {
            Default(mtls, "enabled", null);
            Default(mtls, "sentryAddress", "");
            Default(mtls, "controlPlaneTrustDomain", "");
        }

        if ((spec["tracing"] as JsonObject)?["otel"] is JsonObject otel)
        {
            CompletePairs(otel, "headers");
        }
    }

    private static void CompleteMcpServer(JsonObject spec)
    {
        Default(spec, "endpoint", new JsonObject());
        if (spec["endpoint"] is not JsonObject endpoint)
        {
            return;
        }

        foreach (var (transport, list) in (ReadOnlySpan<(string, string)>)[("streamableHTTP", "headers"), ("sse", "headers"), ("stdio", "env")])
        {
            if (endpoint[transport] is JsonObject settings)
            {
                CompletePairs(settings, list);
            }
        }
    }

    private static void CompletePairs(JsonObject parent, string name)
    {
        if (parent[name] is JsonArray { Count: > 0 } list)
        {
            parent[name] = Pairs(list);
        }
        else
        {
            parent.Remove(name);
        }
    }

    private static JsonArray? Pairs(JsonNode? list)
    {
        if (list is not JsonArray { Count: > 0 } pairs)
        {
            return null;
        }

        var result = new JsonArray();
        foreach (var item in pairs)
        {
            var pair = Copy(item);
            Default(pair, "name", "");
            Default(pair, "value", null);
            Default(pair, "secretKeyRef", new JsonObject());
            if (pair["secretKeyRef"] is JsonObject reference)
            {
                Default(reference, "name", "");
                Default(reference, "key", "");
            }

            if (TextOf(pair, "envRef").Length == 0)
            {
                pair.Remove("envRef");
            }

            result.Add((JsonNode)pair);
        }

        return result;
    }

    private static JsonObject Copy(JsonNode? node) => node is JsonObject mapping ? (JsonObject)mapping.DeepClone() : [];

    private static void Default(JsonObject parent, string name, JsonNode? value) => parent[name] ??= value;

    private static string TextOf(JsonObject parent, string name)
        => parent[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static void DropNulls(JsonNode node)
    {
        switch (node)
        {
            case JsonObject mapping:
                foreach (var (name, value) in mapping.ToList())
                {
                    if (value is null)
                    {
                        mapping.Remove(name);
                    }
                    else if (name is not ("value" or "options" or "configuration"))
                    {
                        // What those hold is the user's own JSON, in which a null may mean something.
                        DropNulls(value);
                    }
                }

                break;
            case JsonArray list:
                for (var index = list.Count - 1; index >= 0; index--)
                {
                    if (list[index] is { } item)
                    {
                        DropNulls(item);
                    }
                    else
                    {
                        list.RemoveAt(index);
                    }
                }

                break;
        }
    }
}
