using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>A service invocation on its way to any kind of target.</summary>
internal sealed class InvokeRequest
{
    /// <summary>The method, normalised: what access control judges is what the app gets.</summary>
    public required string Method { get; init; }

    /// <summary>The HTTP verb; <c>NONE</c> when a gRPC caller gave none.</summary>
    public required string Verb { get; init; }

    /// <summary>The query without its question mark.</summary>
    public string Query { get; init; } = "";

    /// <summary>End-to-end headers; content type and length are carried apart.</summary>
    public required HeaderList Headers { get; init; }

    public string ContentType { get; init; } = "";

    /// <summary>The body's length when it is known.</summary>
    public long? ContentLength { get; init; }

    /// <summary>The body; empty for none.</summary>
    public Stream Body { get; set; } = Stream.Null;

    /// <summary>How often the body was handed out to be sent.</summary>
    public int Sends { get; private set; }

    /// <summary>
    /// Whether nothing can be reading a replayed body any more: it was handed out once at most, and read to its end. A target may
    /// answer, or fail, while its request is still being written.
    /// </summary>
    public bool IsBodyReleased => Sends == 0 || (Sends == 1 && Body is MemoryBody { IsConsumed: true });

    /// <summary>The body's bytes, when it is at hand to be sent again.</summary>
    public ReadOnlyMemory<byte>? Replayed { get; private set; }

    /// <summary>Hands the body out from its beginning.</summary>
    public void Replay(ReadOnlyMemory<byte> bytes)
    {
        Replayed = bytes;
        if (bytes.IsEmpty)
        {
            Body = Stream.Null;
            return;
        }

        Sends++;
        Body = new MemoryBody(bytes);
    }

    /// <summary>The type URL of a gRPC caller's <c>Any</c>.</summary>
    public string DataTypeUrl { get; init; } = "";

    public TraceContext Trace { get; init; }

    /// <summary>The caller asked for Server-Sent Events (contract: messaging 5.10).</summary>
    public bool IsEventStream { get; init; }

    /// <summary>Whether the request came from a gRPC caller, whose metadata follows other rules.</summary>
    public bool IsFromGrpc { get; init; }
}

/// <summary>
/// A target's answer, its body still to be read. Dispose it in any case: the app's concurrency slot and the connection are
/// free only then.
/// </summary>
internal sealed class InvokeResponse : IAsyncDisposable
{
    private readonly Func<ValueTask>? release;

    public InvokeResponse(Func<ValueTask>? release = null) => this.release = release;

    /// <summary>An HTTP status from 100 up, a gRPC code below (contract: messaging 5.9).</summary>
    public required int Code { get; init; }

    public bool IsGrpc => Code < 100;

    /// <summary>The status message of a gRPC app.</summary>
    public string Message { get; init; } = "";

    /// <summary>Serialised <c>Any</c> details of a gRPC app's status.</summary>
    public IReadOnlyList<byte[]> Details { get; init; } = [];

    public required HeaderList Headers { get; init; }

    /// <summary>Trailers of a gRPC app; complete once the body has been read.</summary>
    public HeaderList Trailers { get; init; } = new(0);

    public string ContentType { get; init; } = "";

    /// <summary>What kind of message a gRPC app has packed into the body, if it told.</summary>
    public string DataTypeUrl { get; init; } = "";

    public Stream Body { get; init; } = Stream.Null;

    public ValueTask DisposeAsync() => release?.Invoke() ?? ValueTask.CompletedTask;
}

/// <summary>A kind of place that can be invoked: the local app, a peer sidecar, an external service.</summary>
internal interface IInvokeTarget
{
    /// <summary>Sends the request; returns when the answer's head is there.</summary>
    /// <exception cref="TransportException">The target could not be reached, or refused.</exception>
    ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken);
}

/// <summary>An invocation failed on its way, with the gRPC code that retries and status mapping go by.</summary>
internal sealed class TransportException(StatusCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public StatusCode Code { get; } = code;

    /// <summary>Another attempt may meet another instance, or the same one after its restart (contract: messaging 5.12).</summary>
    public bool IsRetriable => Code is StatusCode.Unavailable or StatusCode.Unauthenticated;
}
