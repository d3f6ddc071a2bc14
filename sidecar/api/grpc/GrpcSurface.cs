using System.Diagnostics;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <summary>
/// The guards of the gRPC surface, for Dapr's services, reflection and proxied calls alike (contract: api 2.1): access list, API
/// token, baggage, trace. What they let pass goes to a service, or, without one, through the proxy.
/// </summary>
internal sealed class GrpcSurface(Live<GrpcAccess> access, ApiToken token, Tracer tracer)
{
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path.Value ?? "";
        if (!access.Value.Allows(path))
        {
            await RefuseAsync(context, StatusCode.Unimplemented, 501, "Not Implemented", "requested endpoint is not available");
            return;
        }

        if (token.IsRequired && TokenProblem(context.Request.Headers) is { } problem)
        {
            await RefuseAsync(context, StatusCode.Unauthenticated, 401, "Unauthorized", problem);
            return;
        }

        context.Request.Headers.Remove(HeaderRules.ApiToken);
        var isDapr = path.StartsWith("/dapr.proto.", StringComparison.Ordinal);
        using var span = isDapr ? tracer.StartServer(context, path, ActivityKind.Client) : new Span(null, IncomingTrace.Read(context.Request.Headers));
        if (span.Context.Baggage is { } baggage)
        {
            if (Baggage.Validate(baggage) is { } wrong)
            {
                await GrpcResponse.EndAsync(context, StatusCode.InvalidArgument, $"invalid baggage header: {wrong}");
                return;
            }

            context.Response.Headers["baggage"] = baggage;
        }

        if (isDapr)
        {
            Describe(span, context, path);
        }

        context.Features.Set(new TraceFeature(span.Context));
        await next(context);
    }

    private static void Describe(Span span, HttpContext context, string path)
    {
        if (span.Context.IsValid && !path.EndsWith("/InvokeService", StringComparison.Ordinal)
            && GrpcTraceBin.FromTraceParent(span.Context.TraceParent) is { } binary)
        {
            context.Response.Headers[GrpcTraceBin.Header] = Convert.ToBase64String(binary);
        }

        if (span.IsRecorded)
        {
            span.Set("dapr.protocol", "grpc");
            span.Set("dapr.api", path);
            span.Set("rpc.service", "Dapr");
        }
    }

    private string? TokenProblem(IHeaderDictionary headers)
        => !headers.TryGetValue(HeaderRules.ApiToken, out var values) || values.Count == 0
            ? "missing api token in request metadata"
            : token.Matches(values[0]) ? null : "authentication error: api token mismatch";

    private static Task RefuseAsync(HttpContext context, StatusCode code, int http, string text, string detail)
    {
        var refusal = GrpcErrorWriter.FromHttp(code, http, text, detail);
        context.Response.Headers[GrpcErrorWriter.DetailsTrailer] = Convert.ToBase64String(refusal.Trailers[0].ValueBytes);
        return GrpcResponse.EndAsync(context, code, text).AsTask();
    }
}
