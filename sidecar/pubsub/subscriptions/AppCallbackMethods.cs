using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>The methods of the app's callback service that pub/sub calls.</summary>
internal static class AppCallbackMethods
{
    private const string Service = "dapr.proto.runtime.v1.AppCallback";

    public static Method<Empty, ListTopicSubscriptionsResponse> ListTopicSubscriptions { get; } = new(
        MethodType.Unary, Service, nameof(ListTopicSubscriptions), Marshal(Empty.Parser), Marshal(ListTopicSubscriptionsResponse.Parser));

    public static Method<TopicEventRequest, TopicEventResponse> OnTopicEvent { get; } = new(
        MethodType.Unary, Service, nameof(OnTopicEvent), Marshal(TopicEventRequest.Parser), Marshal(TopicEventResponse.Parser));

    private static Marshaller<T> Marshal<T>(MessageParser<T> parser)
        where T : IMessage<T>
        => Marshallers.Create(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
