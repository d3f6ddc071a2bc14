using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Observability;

namespace DaprK8s.Sidecar.Composition;

/// <summary>The way to the app.</summary>
internal sealed class AppSide
{
    public AppSide(Basis basis)
    {
        var (options, listen) = (basis.Options.App, basis.Options.Listen);
        var metrics = new AppMetrics(basis.Metrics, basis.Self, basis.Configuration.Part(c => c.PathLabel));
        if (!options.HasApp)
        {
            Channel = new AppChannel(options, null, null, null);
            return;
        }

        var connections = new AppConnections(options, listen.ReadBufferBytes);
        var concurrency = new AppConcurrency(options.MaxConcurrency);
        var grpc = options.IsGrpc ? new GrpcApp(options, connections, concurrency, metrics, listen.MaxBodyBytes, basis.Time) : null;
        var http = options.IsGrpc ? null : new HttpApp(options, connections, concurrency, basis.Configuration.Part(c => c.AppPipeline), metrics, basis.Time)
        {
            MaxAnswerBytes = listen.MaxBodyBytes > 0 ? listen.MaxBodyBytes : long.MaxValue,
        };
        Channel = new AppChannel(options, connections, http, grpc);
        HealthProbe = options.Health is { } health ? new AppHealthProbe(options, health, connections, grpc, metrics, basis.Time) : null;
    }

    public AppChannel Channel { get; }

    /// <summary>With app health checks.</summary>
    public AppHealthProbe? HealthProbe { get; }
}
