using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DaprK8s.Sidecar.App;

/// <summary>
/// An app that speaks gRPC: invocation through <c>AppCallback.OnInvoke</c> and the building blocks' callbacks (contract: messaging
/// 5.7, api 3.11). Proxied services use the same connections directly.
/// </summary>
internal sealed class GrpcApp : IGrpcAppChannel, IInvokeTarget, IDisposable
{
    private static readonly Method<InvokeRequestMessage, InvokeResponseMessage> OnInvoke = new(
        MethodType.Unary, "dapr.proto.runtime.v1.AppCallback", "OnInvoke", InvokeRequestMessage.Marshaller, InvokeResponseMessage.Marshaller);

    private readonly AppOptions options;
    private readonly AppConcurrency concurrency;
    private readonly AppMetrics metrics;
    private readonly TimeProvider time;
    private readonly long maxMessageBytes;
    private readonly GrpcChannel channel;
    private readonly CallInvoker invoker;

    public GrpcApp(AppOptions options, AppConnections connections, AppConcurrency concurrency, AppMetrics metrics, long maxMessageBytes, TimeProvider time)
    {
        this.options = options;
        this.concurrency = concurrency;
        this.metrics = metrics;
        this.time = time;
        this.maxMessageBytes = maxMessageBytes > 0 ? maxMessageBytes : int.MaxValue;
        channel = GrpcChannel.ForAddress(connections.BaseUrl, new GrpcChannelOptions
        {
            HttpClient = new HttpClient(new SharedHandler(connections), disposeHandler: false),
            MaxReceiveMessageSize = maxMessageBytes > 0 ? (int)Math.Min(maxMessageBytes, int.MaxValue) : null,
            MaxSendMessageSize = null,
        });
        invoker = channel.CreateCallInvoker();
    }

    public async ValueTask<InvokeResponse> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var body = await ReadAllAsync(request, cancellationToken);
        var message = new InvokeRequestMessage(request.Method, body, request.ContentType, request.DataTypeUrl, request.Verb, request.Query);
        await concurrency.EnterAsync(cancellationToken);

        // The call outlives its caller: a gRPC app's handler is not cut off by a client that goes away, and keeps its slot until it
        // is done (contract: messaging 5.7, 7.2).
        return await CallAsync(message, Headers(request)).WaitAsync(cancellationToken);
    }

    private async Task<InvokeResponse> CallAsync(InvokeRequestMessage message, Metadata metadata)
    {
        try
        {
            using var call = invoker.AsyncUnaryCall(OnInvoke, null, new CallOptions(metadata), message);
            var started = time.GetTimestamp();
            try
            {
                var response = await call.ResponseAsync;
                var headers = await call.ResponseHeadersAsync;
                metrics.RecordGrpc(OnInvoke.FullName, StatusCode.OK, message.Data.Length, response.Data.Length, time.GetElapsedTime(started));
                return new InvokeResponse
                {
                    Code = (int)StatusCode.OK,
                    Headers = ToList(headers),
                    Trailers = ToList(call.GetTrailers()),
                    ContentType = response.ContentType,
                    DataTypeUrl = response.DataTypeUrl,
                    Body = response.Data.Length == 0 ? Stream.Null : new MemoryStream(response.Data, writable: false),
                };
            }
            catch (RpcException e)
            {
                metrics.RecordGrpc(OnInvoke.FullName, e.StatusCode, message.Data.Length, 0, time.GetElapsedTime(started));
                return FromStatus(e);
            }
        }
        finally
        {
            concurrency.Leave();
        }
    }

    public async ValueTask<TResponse> CallAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        TRequest request,
        TraceContext trace,
        IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var headers = new Metadata();
        foreach (var (name, value) in metadata)
        {
            AddText(headers, HeaderRules.ToGrpcName(name), value);
        }

        AddOwn(headers, trace, withToken: !method.Name.StartsWith("List", StringComparison.Ordinal) && method.Name != "HealthCheck");
        var started = time.GetTimestamp();
        var status = StatusCode.OK;
        try
        {
            return await invoker.AsyncUnaryCall(method, null, new CallOptions(headers, cancellationToken: cancellationToken), request).ResponseAsync;
        }
        catch (RpcException e)
        {
            status = e.StatusCode;
            throw;
        }
        finally
        {
            if (method.Name != "HealthCheck")
            {
                metrics.RecordGrpc(method.FullName, status, request.CalculateSize(), 0, time.GetElapsedTime(started));
            }
        }
    }

    public void Dispose() => channel.Dispose();

    private static InvokeResponse FromStatus(RpcException e)
    {
        List<byte[]> details = [];
        if (e.Trailers.GetValueBytes(GrpcErrorWriter.DetailsTrailer) is { } serialised)
        {
            try
            {
                details.AddRange(Google.Rpc.Status.Parser.ParseFrom(serialised).Details.Select(d => d.ToByteArray()));
            }
            catch (InvalidProtocolBufferException)
            {
                // Details that can't be read are left out; the status itself counts.
            }
        }

        return new InvokeResponse
        {
            Code = (int)e.StatusCode,
            Message = e.Status.Detail,
            Details = details,
            Headers = new HeaderList(0),
            Trailers = ToList(e.Trailers),
        };
    }

    private Metadata Headers(InvokeRequest request)
    {
        var headers = new Metadata();
        foreach (var (name, value) in request.Headers)
        {
            AddText(headers, request.IsFromGrpc ? name.ToLowerInvariant() : HeaderRules.ToGrpcName(name), value);
        }

        AddOwn(headers, request.Trace, withToken: true);
        return headers;
    }

    private void AddOwn(Metadata headers, TraceContext trace, bool withToken)
    {
        if (withToken && options.ApiToken.Length > 0)
        {
            headers.Add(HeaderRules.ApiToken, options.ApiToken);
        }

        if (trace.TraceParent.Length > 0)
        {
            headers.Add("traceparent", trace.TraceParent);
            if (GrpcTraceBin.FromTraceParent(trace.TraceParent) is { } binary)
            {
                headers.Add(GrpcTraceBin.Header, binary);
            }
        }

        if (trace.Baggage is { Length: > 0 } baggage)
        {
            headers.Add("baggage", baggage);
        }
    }

    // What is no legal metadata is left out rather than failing the call: names and values come from outside.
    private static void AddText(Metadata headers, string name, string value)
    {
        if (!GrpcMetadataText.IsName(name) || !GrpcMetadataText.IsValue(value))
        {
            return;
        }

        if (!name.EndsWith("-bin", StringComparison.Ordinal))
        {
            headers.Add(name, value);
        }
        else if (GrpcMetadataText.TryDecodeBinary(value, out var bytes))
        {
            headers.Add(name, bytes);
        }
    }

    private static HeaderList ToList(Metadata metadata)
    {
        var list = new HeaderList(metadata.Count);
        foreach (var entry in metadata)
        {
            if (entry.IsBinary)
            {
                list.Add(entry.Key, Convert.ToBase64String(entry.ValueBytes));
            }
            else if (HeaderRules.PassesResponse(entry.Key))
            {
                list.Add(entry.Key, entry.Value);
            }
        }

        return list;
    }

    // A gRPC message is held whole, so the peer's limit must not be the only one.
    private async ValueTask<ReadOnlyMemory<byte>> ReadAllAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (request.Body == Stream.Null)
        {
            return default;
        }

        using var buffer = new MemoryStream((int)Math.Min(request.ContentLength ?? 0, 64 << 10));
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            while (await request.Body.ReadAsync(chunk, cancellationToken) is var read && read > 0)
            {
                buffer.Write(chunk, 0, read);
                if (buffer.Length > maxMessageBytes)
                {
                    throw new TransportException(StatusCode.ResourceExhausted, $"trying to send message larger than max ({maxMessageBytes})");
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }

        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    /// <summary>Lets the channel use the app's connections, which the proxy uses too.</summary>
    private sealed class SharedHandler(AppConnections connections) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            => connections.Client.SendAsync(request, cancellationToken);
    }
}
