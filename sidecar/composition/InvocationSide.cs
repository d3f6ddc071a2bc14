using System.Net;
using DaprK8s.Components;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Observability;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Composition;

/// <summary>Service invocation: names, peers, external endpoints, and the door for other sidecars.</summary>
internal sealed class InvocationSide
{
    public InvocationSide(Basis basis, AppSide app, ComponentSide components, Listeners listeners)
    {
        var (options, self, time) = (basis.Options, basis.Self, basis.Time);
        var configuration = basis.Configuration;
        var hostAddress = HostAddress.Determine(Environment.GetEnvironmentVariable("DAPR_HOST_IP"));
        Resolution = new NameResolution { InternalPort = listeners.InternalPort };
        NameResolver = new NameResolverLoader(
            options.Kubernetes is not null, configuration.Value.Spec.NameResolution, self, Resolution,
            new Announcement(
                self.AppId, self.Namespace, AnnouncedAddress(options.Listen.InternalGrpcAddress, hostAddress), listeners.InternalPort,
                options.Listen.HttpPort, options.App.Port),
            basis.Loggers, time);

        Externals = new ExternalTargets(configuration.Part(c => c.AppPipeline));
        Endpoints = new EndpointLoader(components.Resolver, self, Externals, basis.Statuses, basis.Log("dapr.runtime"));

        listeners.InternalTls = basis.Security?.InternalPort;
        Peers = new Peers(options.App, basis.Security?.PeerIdentity);
        var addresses = new PeerAddresses(Resolution, self, time);
        var maxMessage = options.Listen.MaxBodyBytes > 0 ? options.Listen.MaxBodyBytes : int.MaxValue;
        var metrics = new InvocationMetrics(basis.Metrics, self);
        Invoker = new Invoker(
            self, new CallerHeaders(self, hostAddress), app.Channel, Externals, addresses, new PeerCall(Peers, maxMessage), basis.Resiliency, metrics, time);

        var gate = new AccessGate(configuration.Part(c => c.AccessList), new AccessMetrics(basis.Metrics), basis.Log("dapr.acl"));
        Proxy = new GrpcProxy(self, app.Channel, gate, Peers, addresses, basis.Tracer);
        InternalServer = new InternalServer(self, app.Channel, gate, Proxy, metrics, basis.Tracer, maxMessage);
    }

    public NameResolution Resolution { get; }

    public NameResolverLoader NameResolver { get; }

    public ExternalTargets Externals { get; }

    public EndpointLoader Endpoints { get; }

    public Peers Peers { get; }

    public Invoker Invoker { get; }

    public GrpcProxy Proxy { get; }

    public InternalServer InternalServer { get; }

    private static IPAddress AnnouncedAddress(string listenAddress, IPAddress host)
        => listenAddress switch
        {
            "127.0.0.1" or "localhost" => IPAddress.Loopback,
            "[::1]" or "::1" => IPAddress.IPv6Loopback,
            _ => host,
        };
}
