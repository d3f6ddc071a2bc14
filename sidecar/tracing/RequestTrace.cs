using DaprK8s.Common.GrpcServer;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>The trace of a request, put there by the surface that it came in by.</summary>
internal sealed record TraceFeature(TraceContext Context);

/// <summary>Reads the trace of the request at hand.</summary>
internal static class RequestTrace
{
    public static TraceContext Of(HttpContext context) => context.Features.Get<TraceFeature>()?.Context ?? TraceContext.None;

    public static TraceContext Of(ServerCallContext context) => context is GrpcCall call ? Of(call.Http) : TraceContext.None;
}
