namespace DaprK8s.Sidecar.Hosting;

/// <summary>Which of the sidecar's servers a connection came in by.</summary>
internal enum SurfaceKind
{
    /// <summary>The HTTP API.</summary>
    Http,

    /// <summary>Health and metadata, open to probes.</summary>
    Public,

    /// <summary>The gRPC API.</summary>
    Grpc,

    /// <summary>Other sidecars.</summary>
    Internal,

    /// <summary>Prometheus.</summary>
    Metrics,
}

/// <summary>A connection's surface; a feature of the connection, visible from each of its requests.</summary>
internal sealed record SurfaceFeature(SurfaceKind Kind);
