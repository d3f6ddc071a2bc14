using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.WebUtilities;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>Service invocation over gRPC (contract: api 2.6, messaging 5.5).</summary>
internal sealed partial class DaprService
{
    private const string HttpStatusHeader = "dapr-http-status";

    public override async Task<Protos.Common.V1.InvokeResponse> InvokeService(InvokeServiceRequest request, ServerCallContext context)
    {
        var message = request.Message ?? throw new RpcException(new Status(StatusCode.InvalidArgument, "missing message"));
        try
        {
            var body = message.Data?.Value.Memory ?? ReadOnlyMemory<byte>.Empty;
            await using var response = await invoker.InvokeAsync(request.Id, ToRequest(message, body.Length, context), body, context.CancellationToken);
            return await AnswerAsync(response, context);
        }
        catch (Exception e) when (e is TransportException or FormatException or HttpRequestException or WireException)
        {
            throw new DaprError("ERR_DIRECT_INVOKE", $"failed to invoke, id: {request.Id}, err: {e.Message}", 500, StatusCode.Internal)
            {
                Category = "service-invocation",
            }.ToException(e);
        }
    }

    private static Invocation.InvokeRequest ToRequest(Protos.Common.V1.InvokeRequest message, int length, ServerCallContext context)
    {
        var verb = message.HttpExtension?.Verb ?? HTTPExtension.Types.Verb.None;
        var typeUrl = message.Data?.TypeUrl ?? "";
        return new Invocation.InvokeRequest
        {
            Method = MethodName.Normalise(message.Method),
            Verb = verb == HTTPExtension.Types.Verb.None ? "POST" : verb.ToString().ToUpperInvariant(),
            Query = message.HttpExtension?.Querystring ?? "",
            Headers = ReadHeaders(context),
            ContentType = message.ContentType.Length > 0 ? message.ContentType : typeUrl.Length > 0 ? "application/x-protobuf" : "application/json",
            DataTypeUrl = typeUrl,
            ContentLength = length,
            Trace = RequestTrace.Of(context),
            IsFromGrpc = true,
        };
    }

    private static HeaderList ReadHeaders(ServerCallContext context)
    {
        var headers = new HeaderList(context.RequestHeaders.Count);
        foreach (var entry in context.RequestHeaders)
        {
            if (!HeaderRules.PassesMetadata(entry.Key))
            {
                continue;
            }

            if (entry.IsBinary)
            {
                headers.Add(entry.Key, Convert.ToBase64String(entry.ValueBytes));
            }
            else
            {
                headers.Add(entry.Key.StartsWith("grpc-", StringComparison.Ordinal) ? "dapr-" + entry.Key : entry.Key, entry.Value);
            }
        }

        return headers;
    }

    private static async Task<Protos.Common.V1.InvokeResponse> AnswerAsync(Invocation.InvokeResponse response, ServerCallContext context)
    {
        var body = await ReadAsync(response.Body, context);
        await context.WriteResponseHeadersAsync(ToMetadata(response));
        if (response.IsGrpc)
        {
            foreach (var (name, value) in response.Trailers)
            {
                Add(context.ResponseTrailers, name, value);
            }

            if (response.Code != (int)StatusCode.OK)
            {
                throw GrpcFailure(response);
            }
        }
        else if (response.Code is < 200 or > 299)
        {
            throw GrpcErrorWriter.FromHttp(
                StatusMapping.ToGrpc(response.Code), response.Code, ReasonPhrases.GetReasonPhrase(response.Code), body.ToStringUtf8());
        }

        return new Protos.Common.V1.InvokeResponse { Data = new Any { TypeUrl = response.DataTypeUrl, Value = body }, ContentType = response.ContentType };
    }

    // A reply is held whole, so what does not fit into a message is not read to its end.
    private static async Task<ByteString> ReadAsync(Stream body, ServerCallContext context)
    {
        if (body == Stream.Null)
        {
            return ByteString.Empty;
        }

        var limit = context is GrpcCall call ? call.MaxMessageBytes : long.MaxValue;
        using var whole = new MemoryStream();
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(32 << 10);
        try
        {
            while (await body.ReadAsync(chunk, context.CancellationToken) is var read && read > 0)
            {
                whole.Write(chunk, 0, read);
                if (whole.Length > limit)
                {
                    throw new RpcException(new Status(StatusCode.ResourceExhausted, $"trying to send message larger than max ({limit})"));
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }

        return UnsafeByteOperations.UnsafeWrap(whole.GetBuffer().AsMemory(0, (int)whole.Length));
    }

    private static Metadata ToMetadata(Invocation.InvokeResponse response)
    {
        var headers = new Metadata();
        foreach (var (name, value) in response.Headers)
        {
            Add(headers, response.IsGrpc ? name : HeaderRules.ToGrpcName(name), value);
        }

        if (!response.IsGrpc)
        {
            headers.Add(HttpStatusHeader, response.Code.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return headers;
    }

    private static RpcException GrpcFailure(Invocation.InvokeResponse response)
    {
        var status = new Status((StatusCode)response.Code, response.Message);
        if (response.Details.Count == 0)
        {
            return new RpcException(status);
        }

        var details = new Google.Rpc.Status { Code = response.Code, Message = response.Message };
        foreach (var detail in response.Details)
        {
            try
            {
                details.Details.Add(Any.Parser.ParseFrom(detail));
            }
            catch (InvalidProtocolBufferException)
            {
                // What the peer sent as a detail is none; the status itself counts.
            }
        }

        return new RpcException(status, new Metadata { { GrpcErrorWriter.DetailsTrailer, details.ToByteArray() } });
    }

    private static void Add(Metadata metadata, string name, string value)
    {
        name = name.ToLowerInvariant();
        if (!GrpcMetadataText.IsName(name) || !GrpcMetadataText.IsValue(value) || name.StartsWith("grpc-", StringComparison.Ordinal))
        {
            return;
        }

        if (!name.EndsWith("-bin", StringComparison.Ordinal))
        {
            metadata.Add(name, value);
        }
        else if (GrpcMetadataText.TryDecodeBinary(value, out var bytes))
        {
            metadata.Add(name, bytes);
        }
    }
}
