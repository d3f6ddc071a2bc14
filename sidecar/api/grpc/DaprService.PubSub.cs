using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>Publishing and subscription streams over gRPC (contract: api 2.5, 2.8). Bulk publish belongs here.</summary>
internal sealed partial class DaprService
{
    public override async Task<Empty> PublishEvent(PublishEventRequest request, ServerCallContext context)
    {
        var publish = new PublishRequest(request.PubsubName, request.Topic, request.Data.Memory)
        {
            ContentType = request.DataContentType,
            Metadata = request.Metadata,
            Trace = RequestTrace.Of(context),
            Surface = PublishSurface.Grpc,
        };
        await pubsub.PublishAsync(publish, context.CancellationToken);
        return new Empty();
    }

    public override Task SubscribeTopicEventsAlpha1(
        IAsyncStreamReader<SubscribeTopicEventsRequestAlpha1> requestStream,
        IServerStreamWriter<SubscribeTopicEventsResponseAlpha1> responseStream,
        ServerCallContext context)
        => streams.RunAsync(requestStream, responseStream, context.CancellationToken);
}
