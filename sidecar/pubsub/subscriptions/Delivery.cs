using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Tracing;
using Grpc.Core;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>What the app made of an event, other than failing.</summary>
internal enum DeliveryVerdict
{
    /// <summary>Done.</summary>
    Success,

    /// <summary>Not wanted: to the dead-letter topic if there is one.</summary>
    Drop,

    /// <summary>The app has no method for events: taken off the queue, and not worth a dead letter.</summary>
    Unimplemented,
}

/// <summary>The app did not take an event; worth trying again (contract: messaging 2.11).</summary>
internal sealed class DeliveryFailedException(string message, Exception? inner = null) : Exception(message, inner), ICodedFailure
{
    public int? HttpStatus { get; init; }

    public StatusCode? GrpcStatus { get; init; }
}

/// <summary>Hands an event to the app over one kind of channel.</summary>
internal interface IEventReceiver
{
    /// <summary>One attempt.</summary>
    /// <param name="incoming">The event.</param>
    /// <param name="path">The path of the rule that took it.</param>
    /// <param name="trace">The delivery's trace, a child of the event's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DeliveryFailedException">The app did not take it, or can't be reached.</exception>
    /// <exception cref="OperationCanceledException">The token ended.</exception>
    ValueTask<DeliveryVerdict> DeliverAsync(IncomingEvent incoming, string path, TraceContext trace, CancellationToken cancellationToken);
}
