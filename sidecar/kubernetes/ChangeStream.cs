using DaprK8s.Common.Wire;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>An open stream of changes of one kind.</summary>
/// <param name="answered">Completes when the operator has answered at all.</param>
/// <param name="next">Reads the next change; nothing at the end.</param>
/// <param name="close">Ends the call.</param>
internal sealed class ChangeStream(Task answered, Func<Task<(ByteString Document, ResourceEventType Type)?>> next, Action close) : IDisposable
{
    // An operator may say nothing before the first change.
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMilliseconds(200);

    /// <summary>Wraps a call.</summary>
    public static ChangeStream Of<T>(GrpcServerStream<T> call, Func<T, (ByteString Document, ResourceEventType Type)> read)
        where T : class, IMessage<T>
        => new(call.Answered, async () => await call.NextAsync() is { } message ? read(message) : null, call.Dispose);

    /// <summary>Waits until the operator takes note of changes, as far as that can be told.</summary>
    /// <exception cref="RpcException">It does not.</exception>
    public async Task WaitUntilOpenAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(answered, Task.Delay(AnswerLimit, time, limit.Token));
        await limit.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        if (answered.IsCompleted)
        {
            await answered;
        }
    }

    /// <summary>The next change, or nothing when the operator has ended the stream.</summary>
    /// <exception cref="RpcException">The stream broke.</exception>
    public Task<(ByteString Document, ResourceEventType Type)?> NextAsync() => next();

    public void Dispose() => close();
}
