using System.Threading.Channels;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Tracing;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Delivers events to an open stream: puts them in line for its writer, in the order in which they come, and waits for each
/// one's answer.
/// </summary>
internal sealed class StreamEventReceiver : IEventReceiver
{
    /// <summary>The path of every event on a stream.</summary>
    public const string Path = "/";

    // As many wait here as the component hands out at once; the bound is the component's.
    private readonly Channel<TopicEventRequest> outgoing = Channel.CreateUnbounded<TopicEventRequest>(new() { SingleReader = true });
    private readonly PendingAnswers pending = new();

    /// <summary>The events to write.</summary>
    public ChannelReader<TopicEventRequest> Outgoing => outgoing.Reader;

    public async ValueTask<DeliveryVerdict> DeliverAsync(IncomingEvent incoming, string path, TraceContext trace, CancellationToken cancellationToken)
    {
        var request = TopicEventMessage.Make(incoming, path);
        var awaited = pending.Add(request.Id);
        try
        {
            if (!outgoing.Writer.TryWrite(request))
            {
                throw new DeliveryFailedException("stream closed");
            }

            var status = await awaited.Answer.WaitAsync(cancellationToken);
            return GrpcEventReceiver.Interpret(status) ?? throw new DeliveryFailedException($"the app answered {status}");
        }
        finally
        {
            pending.Remove(awaited);
        }
    }

    /// <summary>Takes the app's answer; false when no event of that id awaits one.</summary>
    public bool TryAnswer(string id, AppStatus status) => pending.TryAnswer(id, status);

    /// <summary>Nothing more will be written.</summary>
    public void Complete() => outgoing.Writer.TryComplete();
}
