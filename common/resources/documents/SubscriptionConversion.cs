using System.Text.Json.Nodes;

namespace DaprK8s.Common.Resources;

/// <summary>
/// Turns a Subscription of one version into the other (contract: k8s 1.5). Objects are taken whole: metadata, status and whatever
/// else an object has come out as they went in.
/// </summary>
public static class SubscriptionConversion
{
    /// <summary>The older version, whose subscriptions have one route.</summary>
    public const string V1 = "dapr.io/v1alpha1";

    /// <summary>The version that is stored, whose subscriptions have rules.</summary>
    public const string V2 = "dapr.io/v2alpha1";

    /// <summary>A copy of a subscription in another version. Rules have no place in <see cref="V1"/> and are left out there.</summary>
    /// <param name="subscription">The object.</param>
    /// <param name="apiVersion">The version wanted.</param>
    /// <exception cref="ResourceException">The object is no Subscription, or one of the versions is not known, or both are the same.</exception>
    public static JsonObject Convert(JsonObject subscription, string apiVersion)
    {
        var kind = TextOf(subscription["kind"]);
        if (kind != "Subscription")
        {
            throw new ResourceException($"can't convert objects of kind \"{kind}\", only Subscription");
        }

        var from = TextOf(subscription["apiVersion"]);
        if (from == apiVersion)
        {
            throw new ResourceException($"conversion from a version to itself should not call the webhook: {apiVersion}");
        }

        var result = (JsonObject)subscription.DeepClone();
        result["apiVersion"] = apiVersion;
        switch (from, apiVersion)
        {
            case (V1, V2):
                if (result["spec"] is JsonObject v1)
                {
                    var route = TextOf(v1["route"]);
                    v1.Remove("route");
                    v1["routes"] = route.Length > 0 ? new JsonObject { ["default"] = route } : new JsonObject();
                }

                return result;
            case (V2, V1):
                if (result["spec"] is JsonObject v2)
                {
                    v2["route"] = TextOf((v2["routes"] as JsonObject)?["default"]);
                    v2.Remove("routes");
                }

                return result;
            default:
                throw new ResourceException($"can't convert a Subscription from \"{from}\" to \"{apiVersion}\"");
        }
    }

    private static string TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
}
