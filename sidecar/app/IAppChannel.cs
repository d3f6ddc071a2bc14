using DaprK8s.Sidecar.Tracing;
using Google.Protobuf;

namespace DaprK8s.Sidecar.App;

/// <summary>A delivery or callback to the app whose request and answer are small and held whole (events, bindings, jobs).</summary>
/// <param name="Path">The path with its leading slash; for gRPC apps the delivery's own message carries it.</param>
/// <param name="Body">The body.</param>
/// <param name="ContentType">Its media type.</param>
internal sealed record AppCall(string Path, ReadOnlyMemory<byte> Body, string ContentType)
{
    public HttpMethod Method { get; init; } = HttpMethod.Post;

    /// <summary>Further headers; hop-by-hop and content headers are skipped by the channel.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = Components.EmptyMetadata.Instance;

    public TraceContext Trace { get; init; }
}

/// <summary>The app's answer.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The whole body.</param>
/// <param name="ContentType">The media type, empty when there is none.</param>
internal readonly record struct AppAnswer(int Status, ReadOnlyMemory<byte> Body, string ContentType);

/// <summary>Calls an HTTP app for the building blocks' own callbacks; the app token, max concurrency and metrics are applied.</summary>
internal interface IHttpAppChannel
{
    /// <summary>Sends a call and reads the whole answer. Redirects are not followed.</summary>
    /// <exception cref="HttpRequestException">The app can't be reached or broke off.</exception>
    ValueTask<AppAnswer> SendAsync(AppCall call, CancellationToken cancellationToken);
}

/// <summary>Calls a gRPC app's callback services; the app token, trace metadata and metrics are applied.</summary>
internal interface IGrpcAppChannel
{
    /// <summary>A unary call.</summary>
    /// <exception cref="Grpc.Core.RpcException">The app answered with a status other than OK, or can't be reached.</exception>
    ValueTask<TResponse> CallAsync<TRequest, TResponse>(
        Grpc.Core.Method<TRequest, TResponse> method,
        TRequest request,
        TraceContext trace,
        IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>;
}

/// <summary>The app beside this sidecar, if it has one, and whether it can take work.</summary>
internal interface IAppChannel
{
    /// <summary>The HTTP channel, or <see langword="null"/> for a gRPC app or none.</summary>
    IHttpAppChannel? Http { get; }

    /// <summary>The gRPC channel, or <see langword="null"/> for an HTTP app or none.</summary>
    IGrpcAppChannel? Grpc { get; }
}
