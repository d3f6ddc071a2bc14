using DaprK8s.Sidecar.Errors;
using Grpc.Core;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>The errors of publishing and of subscription streams (contract: api 1.4.4, 2.8).</summary>
internal static class PubSubErrors
{
    private const string ResourceType = "pubsub";

    public static DaprError NameEmpty(IReadOnlyDictionary<string, string> metadata)
        => Of("ERR_PUBSUB_EMPTY", "DAPR_PUBSUB_NAME_EMPTY", "pubsub name is empty", 404, StatusCode.InvalidArgument)
            .With(metadata).WithResource("");

    public static DaprError NotFound(string pubsub, IReadOnlyDictionary<string, string>? metadata)
        => Of("ERR_PUBSUB_NOT_FOUND", "DAPR_PUBSUB_NOT_FOUND", $"pubsub {pubsub} is not found", 404, StatusCode.InvalidArgument).With(metadata);

    /// <summary>The component is configured and can't serve; the text tells since when and why.</summary>
    public static DaprError NotReady(string description, IReadOnlyDictionary<string, string>? metadata)
        => Of("ERR_PUBSUB_NOT_CONFIGURED", "DAPR_PUBSUB_NOT_CONFIGURED", description, 400, StatusCode.FailedPrecondition).With(metadata);

    public static DaprError TopicEmpty(string pubsub, IReadOnlyDictionary<string, string> metadata)
        => Of("ERR_TOPIC_NAME_EMPTY", "DAPR_PUBSUB_TOPIC_NAME_EMPTY", $"topic is empty in pubsub {pubsub}", 404, StatusCode.InvalidArgument)
            .With(metadata).WithResource(pubsub);

    public static DaprError BadMetadata(string pubsub, IReadOnlyDictionary<string, string> metadata, string detail)
        => Of(
            "ERR_PUBSUB_REQUEST_METADATA", "DAPR_PUBSUB_METADATA_DESERIALIZATION", $"failed deserializing metadata. Error: {detail}",
            400, StatusCode.InvalidArgument).With(metadata).WithResource(pubsub);

    public static DaprError CloudEvent(string pubsub, string appId, string detail)
        => Of("ERR_PUBSUB_CLOUD_EVENTS_SER", "DAPR_PUBSUB_CLOUD_EVENT_CREATION", "cannot create cloudevent", 500, StatusCode.InvalidArgument)
            .With("appID", appId, detail).WithResource(pubsub);

    public static DaprError Envelope(string pubsub, string topic, string appId, string detail)
        => Of(
            "ERR_PUBSUB_EVENTS_SER", "DAPR_PUBSUB_MARSHAL_ENVELOPE",
            $"error when marshalling cloud event envelope for topic {topic} pubsub {pubsub}: {detail}", 400, StatusCode.InvalidArgument)
            .With("appID", appId, detail).WithResource(pubsub);

    public static DaprError Forbidden(string pubsub, string topic, string appId)
    {
        var text = $"topic {topic} is not allowed for app id {appId}";
        return Of("ERR_PUBSUB_FORBIDDEN", "DAPR_PUBSUB_FORBIDDEN", text, 403, StatusCode.PermissionDenied)
            .With("topic", topic, text).WithResource(pubsub);
    }

    /// <summary>The component was closed while the publish was on its way.</summary>
    public static DaprError Vanished(string pubsub, string topic)
    {
        var text = $"pubsub '{pubsub}' not found";
        return Of("ERR_PUBSUB_NOT_FOUND", "DAPR_PUBSUB_TEST_NOT_FOUND", text, 400, StatusCode.NotFound)
            .With("topic", topic, text).WithResource(pubsub);
    }

    public static DaprError Publish(string pubsub, string topic, string detail)
        => Of(
            "ERR_PUBSUB_PUBLISH_MESSAGE", "DAPR_PUBSUB_PUBLISH_MESSAGE",
            $"error when publishing to topic {topic} in pubsub {pubsub}: {detail}", 500, StatusCode.Internal)
            .With("topic", topic, detail).WithResource(pubsub);

    /// <summary>An end of a subscription stream that has a text and no code of its own.</summary>
    public static DaprError Stream(string text) => new(DaprError.NoCode, text, 500, StatusCode.Unknown) { Category = ResourceType };

    /// <summary>Why a topic is not subscribed.</summary>
    public static string SubscriptionDenied(string pubsub, string topic) => $"subscription to topic '{topic}' on pubsub '{pubsub}' is not allowed";

    private static DaprError Of(string code, string reason, string message, int http, StatusCode grpc)
        => new(code, message, http, grpc) { Reason = reason, Category = ResourceType };

    private static DaprError With(this DaprError error, IReadOnlyDictionary<string, string>? metadata)
        => metadata is { Count: > 0 } ? error with { Metadata = metadata } : error;

    private static DaprError With(this DaprError error, string name, string value, string detail)
        => error with { Metadata = new Dictionary<string, string> { [name] = value, ["error"] = detail } };

    private static DaprError WithResource(this DaprError error, string pubsub)
        => error with { Resource = new ResourceDetail(ResourceType, pubsub, "", error.Message) };
}
