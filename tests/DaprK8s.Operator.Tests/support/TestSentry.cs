using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DaprK8s.Common.ControlPlane;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Protos.Sentry.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>Signs whatever is asked for, by the wire contract of sentry.</summary>
internal sealed class TestSentry : IGrpcCallObserver, IIdentity, IAsyncDisposable
{
    private readonly Svid own;
    private readonly ServiceServer server;
    private readonly ServicePort port;

    public TestSentry(TestTrust trust)
    {
        Trust = trust;
        own = new Svid(SpiffeId.Create("cluster.local", "dapr-system", "dapr-sentry"), trust.Issue("spiffe://cluster.local/ns/dapr-system/dapr-sentry"), []);
        var methods = new GrpcMethods(this, 1 << 20, TimeProvider.System, NullLogger.Instance);
        methods.Unary(
            "dapr.proto.sentry.v1.CA", "SignCertificate", SignCertificateRequest.Parser, (SignCertificateRequest r, ServerCallContext _) => Task.FromResult(Sign(r)));
        port = ServicePort.Grpc("127.0.0.1", 0, methods, new TlsTransport(this, rule: null, TimeProvider.System, NullLogger.Instance));
        server = new ServiceServer([port], NullLoggerFactory.Instance);
    }

    /// <summary>What certificates are signed under.</summary>
    public TestTrust Trust { get; set; }

    /// <summary>Of the certificates that are signed from now on.</summary>
    public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Whether it is there but can't sign.</summary>
    public bool IsOut { get; set; }

    public string Address => $"127.0.0.1:{server.NumberOf(port)}";

    /// <summary>The last token that was shown.</summary>
    public string? Token { get; private set; }

    public Task StartAsync() => server.StartAsync(TimeProvider.System, CancellationToken.None);

    public ValueTask<(Svid Svid, TrustAnchors Anchors)> GetAsync(CancellationToken cancellationToken) => new((own, Trust.Anchors));

    public RpcException? Translate(Exception exception) => null;

    public void Completed(GrpcCall call, StatusCode status, int received, int sent, TimeSpan elapsed)
    {
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        own.Dispose();
    }

    private SignCertificateResponse Sign(SignCertificateRequest request)
    {
        if (IsOut)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "of the test"));
        }

        Token = request.Token;
        var asked = CertificateRequest.LoadSigningRequestPem(
            request.CertificateSigningRequest.ToStringUtf8(), HashAlgorithmName.SHA256, signerSignaturePadding: RSASignaturePadding.Pkcs1);
        using var certificate = Trust.Issue(asked.PublicKey, $"spiffe://{request.TrustDomain}/ns/{request.Namespace}/{request.Id}", Lifetime, $"dapr-webhook.{request.Namespace}.svc");
        var response = new SignCertificateResponse
        {
            WorkloadCertificate = ByteString.CopyFromUtf8(certificate.ExportCertificatePem() + "\n"),
            ValidUntil = Timestamp.FromDateTime(certificate.NotAfter.ToUniversalTime()),
        };
        response.TrustChainCertificates.Add(ByteString.CopyFromUtf8(Trust.Pem));
        return response;
    }
}
