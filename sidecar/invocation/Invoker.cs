using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The service invocation building block: finds the target of an id and calls it, through the target's policy or the built-in
/// retries. Serves the HTTP and the gRPC surface alike (contract: messaging 5.3, 5.12).
/// </summary>
internal sealed class Invoker(
    SidecarInfo self,
    CallerHeaders callerHeaders,
    AppChannel app,
    ExternalTargets externals,
    PeerAddresses addresses,
    PeerCall peer,
    IResiliency resiliency,
    InvocationMetrics metrics,
    TimeProvider time)
{
    private const int BuiltInRetries = 3;
    private static readonly TimeSpan BuiltInPause = TimeSpan.FromSeconds(1);

    /// <summary>Invokes a target.</summary>
    /// <param name="id">App id, <c>app.namespace</c>, name of an HTTPEndpoint, or absolute URL.</param>
    /// <param name="request">The request; its method is cleaned already.</param>
    /// <param name="replayable">The body's bytes when they are at hand; without them nothing is tried twice.</param>
    /// <param name="cancellationToken">The caller's.</param>
    /// <exception cref="TransportException">The target could not be found or reached, or refused.</exception>
    public async ValueTask<InvokeResponse> InvokeAsync(
        string id, InvokeRequest request, ReadOnlyMemory<byte>? replayable, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        metrics.RequestSent(id, replayable is null);
        var response = await SendAsync(id, request, replayable, cancellationToken);
        metrics.ResponseReceived(id, response.Code, replayable is null, time.GetElapsedTime(started));
        return response;
    }

    /// <summary>Whether an id names this sidecar's own app.</summary>
    public bool IsOwn(TargetName target) => target.AppId == self.AppId && target.Namespace == self.Namespace;

    private async ValueTask<InvokeResponse> SendAsync(
        string id, InvokeRequest request, ReadOnlyMemory<byte>? replayable, CancellationToken cancellationToken)
    {
        if (externals.Find(id) is { } external)
        {
            return await RunAsync(id, request, new ExternalAttempt(external), replayable, cancellationToken);
        }

        var target = TargetName.Parse(id, self.Namespace);
        if (!IsOwn(target))
        {
            callerHeaders.StampRemote(request.Headers, target.AppId);
            return await RunAsync(id, request, new PeerAttempt(target, addresses, peer), replayable, cancellationToken);
        }

        callerHeaders.StampLocal(request.Headers);
        Rewind(request, replayable);
        return await app.RequireTarget("cannot invoke local endpoint: app channel not initialized").InvokeAsync(request, cancellationToken);
    }

    private ValueTask<InvokeResponse> RunAsync(
        string id, InvokeRequest request, Attempt attempt, ReadOnlyMemory<byte>? replayable, CancellationToken cancellationToken)
    {
        // A body that can't be had again can't be sent again, whatever a policy says.
        if (replayable is null)
        {
            return attempt.RunAsync(request, null, cancellationToken);
        }

        return resiliency.ForApp(id, request.Method) is { } policy
            ? policy.RunAsync(
                static (s, ct) => s.attempt.RunAsync(s.request, s.replayable, ct), (attempt, request, replayable), cancellationToken)
            : WithBuiltInRetriesAsync(id, request, attempt, replayable.Value, cancellationToken);
    }

    // DaprBuiltInServiceRetries: transport failures only, never an answer of the app.
    private async ValueTask<InvokeResponse> WithBuiltInRetriesAsync(
        string id, InvokeRequest request, Attempt attempt, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        for (var retry = 0; ; retry++)
        {
            try
            {
                return await attempt.RunAsync(request, body, cancellationToken);
            }
            catch (TransportException e) when (e.IsRetriable)
            {
                if (retry == BuiltInRetries)
                {
                    throw new TransportException(e.Code, $"failed to invoke target {id} after {BuiltInRetries} retries. Error: {e.Message}", e);
                }

                // Another live instance is tried at once; the same one is given time to come back.
                if (!await attempt.HasAlternativeAsync(cancellationToken))
                {
                    await Task.Delay(BuiltInPause, time, cancellationToken);
                }
            }
        }
    }

    private static void Rewind(InvokeRequest request, ReadOnlyMemory<byte>? body)
    {
        if (body is { } bytes)
        {
            request.Replay(bytes);
        }
    }

    private abstract class Attempt
    {
        public abstract ValueTask<InvokeResponse> RunAsync(InvokeRequest request, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken);

        public virtual ValueTask<bool> HasAlternativeAsync(CancellationToken cancellationToken) => new(false);
    }

    private sealed class PeerAttempt(TargetName target, PeerAddresses addresses, PeerCall peer) : Attempt
    {
        private string last = "";

        public override async ValueTask<InvokeResponse> RunAsync(InvokeRequest request, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
        {
            last = await addresses.PickAsync(target.AppId, target.Namespace, cancellationToken);
            Rewind(request, body);
            var head = new InternalRequestHead
            {
                Method = request.Method,
                Verb = request.Verb,
                Query = request.Query,
                ContentType = request.ContentType,
                DataTypeUrl = request.DataTypeUrl,
                HasHttpExtension = true,
                Metadata = request.Headers,
            };
            try
            {
                return await peer.InvokeAsync(target, last, head, request.Body, body, request.Trace, cancellationToken);
            }
            catch (TransportException e) when (e.IsRetriable)
            {
                addresses.MarkDead(target.AppId, target.Namespace, last);
                throw;
            }
        }

        public override ValueTask<bool> HasAlternativeAsync(CancellationToken cancellationToken)
            => addresses.HasAlternativeAsync(target.AppId, target.Namespace, last, cancellationToken);
    }

    private sealed class ExternalAttempt(IInvokeTarget external) : Attempt
    {
        public override ValueTask<InvokeResponse> RunAsync(InvokeRequest request, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken)
        {
            Rewind(request, body);
            return external.InvokeAsync(request, cancellationToken);
        }
    }
}
