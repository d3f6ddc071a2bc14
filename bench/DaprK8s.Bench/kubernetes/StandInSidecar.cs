using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DaprK8s.Common.Identity;
using DaprK8s.Protos.Operator.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Bench.Kubernetes;

/// <summary>What the operator sees of a sidecar: a connection of its own, and on it a stream of each kind, of which that of Components is read.</summary>
internal sealed class StandInSidecar : IDisposable
{
    private readonly GrpcChannel channel;
    private readonly AsyncServerStreamingCall<ComponentUpdateEvent> call;
    private readonly IDisposable[] others;
    private readonly Action onEvent;

    private StandInSidecar(GrpcChannel channel, string @namespace, Action onEvent)
    {
        this.channel = channel;
        this.onEvent = onEvent;
        Client = new Operator.OperatorClient(channel);
        call = Client.ComponentUpdate(new ComponentUpdateRequest { Namespace = @namespace });
        others =
        [
            Client.SubscriptionUpdate(new SubscriptionUpdateRequest { Namespace = @namespace }),
            Client.HTTPEndpointUpdate(new HTTPEndpointUpdateRequest { Namespace = @namespace }),
            Client.MCPServerUpdate(new MCPServerUpdateRequest { Namespace = @namespace }),
            Client.ConfigurationUpdate(new ConfigurationUpdateRequest { Namespace = @namespace }),
            Client.ResiliencyUpdate(new ResiliencyUpdateRequest { Namespace = @namespace }),
            Client.WorkflowAccessPolicyUpdate(new WorkflowAccessPolicyUpdateRequest { Namespace = @namespace }),
        ];
    }

    public Operator.OperatorClient Client { get; }

    /// <summary>A certificate for a pod that is there; the pods of an app share it here to spare sentry.</summary>
    public static async Task<SslStreamCertificateContext> IdentityAsync(ControlPlaneUnderTest plane, string @namespace, string pod, string appId)
    {
        await using var anchors = TrustAnchorSource.FromText(plane.AnchorsPem, TimeProvider.System, NullLogger.Instance);
        using var sentry = new SentryClient(
            new SentryClientOptions
            {
                Address = plane.SentryAddress,
                Sentry = SpiffeId.Create(ControlPlaneUnderTest.TrustDomain, ControlPlaneUnderTest.Namespace, "dapr-sentry"),
                AppId = appId,
                Namespace = @namespace,
                Token = new IdentityToken(isKubernetes: true, plane.TokenFile(@namespace, pod)),
            },
            anchors,
            TimeProvider.System);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = await sentry.IssueAsync(new CertificateRequest($"CN={appId}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(), CancellationToken.None);
        var pem = Encoding.ASCII.GetString(issued.CertificateChain.Span);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(pem);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(pem, key.ExportPkcs8PrivateKeyPem()), [.. chain.Skip(1)], offline: true);
    }

    /// <summary>Connects, opens the stream and lists, as a sidecar does.</summary>
    public static async Task<StandInSidecar> StartAsync(int port, SslStreamCertificateContext identity, string @namespace, Action onEvent)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.ClientCertificateContext = identity;
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        var sidecar = new StandInSidecar(
            GrpcChannel.ForAddress($"https://127.0.0.1:{port}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true }), @namespace, onEvent);
        await sidecar.call.ResponseHeadersAsync.WaitAsync(TimeSpan.FromSeconds(30));
        _ = sidecar.ReadAsync();
        return sidecar;
    }

    public void Dispose()
    {
        call.Dispose();
        Array.ForEach(others, o => o.Dispose());
        channel.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                onEvent();
            }
        }
        catch (RpcException)
        {
            // The measurement is over, or notices that too few have got their update.
        }
    }
}
