using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Tracing;
using Grpc.Core;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Delivers events to a gRPC app (contract: messaging 2.10, 2.11).</summary>
internal sealed class GrpcEventReceiver(IGrpcAppChannel app, string pubsub) : IEventReceiver
{
    private readonly IReadOnlyDictionary<string, string> plainMetadata = DeliveryHeaders.Of(pubsub);

    public async ValueTask<DeliveryVerdict> DeliverAsync(IncomingEvent incoming, string path, TraceContext trace, CancellationToken cancellationToken)
    {
        var request = TopicEventMessage.Make(incoming, path);
        var metadata = incoming.Message.Metadata.Count == 0 ? plainMetadata : DeliveryHeaders.Of(pubsub, incoming.Message);
        TopicEventResponse answer;
        try
        {
            answer = await app.CallAsync(AppCallbackMethods.OnTopicEvent, request, trace, metadata, cancellationToken);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return DeliveryVerdict.Unimplemented;
        }
        catch (RpcException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken);
        }
        catch (RpcException e)
        {
            throw new DeliveryFailedException($"the app answered {e.StatusCode}: {e.Status.Detail}", e) { GrpcStatus = e.StatusCode };
        }

        return Interpret(answer.Status) ?? throw new DeliveryFailedException($"the app answered {answer.Status}");
    }

    /// <summary>What an answer means; <see langword="null"/> for a failure that is worth a retry.</summary>
    internal static DeliveryVerdict? Interpret(AppStatus status)
        => status switch
        {
            AppStatus.Success => DeliveryVerdict.Success,
            AppStatus.Drop => DeliveryVerdict.Drop,
            _ => null,
        };
}
