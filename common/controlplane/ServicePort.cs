using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DaprK8s.Common.ControlPlane;

/// <summary>A port of a control-plane service.</summary>
/// <param name="Address">The address; empty for all interfaces.</param>
/// <param name="Port">The number; 0 for any that is free.</param>
/// <param name="Handler">Takes every request.</param>
public sealed record ServicePort(string Address, int Port, RequestDelegate Handler)
{
    /// <summary>What is spoken on it.</summary>
    public HttpProtocols Protocols { get; init; } = HttpProtocols.Http1;

    /// <summary>The TLS in front; <see langword="null"/> for none.</summary>
    public TlsTransport? Tls { get; init; }

    /// <summary>A gRPC port under mTLS.</summary>
    public static ServicePort Grpc(string address, int port, GrpcMethods methods, TlsTransport tls)
        => new(address, port, async context =>
        {
            if (!await methods.TryServeAsync(context))
            {
                await GrpcResponse.EndAsync(context, StatusCode.Unimplemented, $"unknown service or method {context.Request.Path}");
            }
        })
        {
            Protocols = HttpProtocols.Http2,
            Tls = tls,
        };

    /// <summary>A port that the API server calls: HTTPS with an identity of ours, whichever is current at the handshake.</summary>
    public static ServicePort Webhook(string address, int port, RequestDelegate handler, TlsTransport tls) => new(address, port, handler) { Tls = tls };

    /// <summary>The health port.</summary>
    public static ServicePort Health(ServiceOptions options, HealthTargets targets) => new(options.HealthAddress, options.HealthPort, targets.HandleAsync);

    /// <summary>The metrics port.</summary>
    public static ServicePort Metrics(ServiceOptions options, MetricsRegistry registry)
        => new(options.MetricsAddress, options.MetricsPort, new MetricsEndpoint(registry) { AnyPath = true }.HandleAsync);
}
