using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>The methods of the app's callback service that input bindings call.</summary>
internal static class BindingCallbacks
{
    private const string Service = "dapr.proto.runtime.v1.AppCallback";

    public static Method<Empty, ListInputBindingsResponse> ListInputBindings { get; } = new(
        MethodType.Unary, Service, nameof(ListInputBindings), Marshal(Empty.Parser), Marshal(ListInputBindingsResponse.Parser));

    public static Method<BindingEventRequest, BindingEventResponse> OnBindingEvent { get; } = new(
        MethodType.Unary, Service, nameof(OnBindingEvent), Marshal(BindingEventRequest.Parser), Marshal(BindingEventResponse.Parser));

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
