using DaprK8s.Sidecar.Flags;
using DaprK8s.Sidecar.Invocation;
using Grpc.Core;

namespace DaprK8s.Sidecar.App;

/// <summary>The app beside the sidecar: its channels and whether it is healthy. Nothing is dialled before the first call.</summary>
internal sealed class AppChannel : IAppChannel
{
    private readonly HttpApp? http;
    private readonly GrpcApp? grpc;
    private volatile bool healthy = true;

    public AppChannel(AppOptions options, AppConnections? connections, HttpApp? http, GrpcApp? grpc)
    {
        Options = options;
        Connections = connections;
        this.http = http;
        this.grpc = grpc;
    }

    public AppOptions Options { get; }

    /// <summary>The connections, for calls that are passed through as they are; <see langword="null"/> without an app.</summary>
    public AppConnections? Connections { get; }

    public IHttpAppChannel? Http => http;

    public IGrpcAppChannel? Grpc => grpc;

    /// <summary>Set by health probes; true as long as there are none.</summary>
    public bool IsHealthy
    {
        get => healthy;
        set => healthy = value;
    }

    /// <summary>The app as invocation target.</summary>
    /// <exception cref="TransportException">There is no app, or it is not healthy.</exception>
    public IInvokeTarget RequireTarget(string whenMissing)
    {
        IInvokeTarget target = (IInvokeTarget?)http ?? grpc ?? throw new TransportException(StatusCode.Internal, whenMissing);
        return healthy ? target : throw new TransportException(StatusCode.Internal, "app is not in a healthy state");
    }
}
