using System.Security.Cryptography;
using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Protos.Sentry.V1;
using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Validators;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sentry.Server;

/// <summary>The RPC <c>SignCertificate</c>: who asks, for which key, and the answer (contract: security 1.2).</summary>
internal sealed class SigningService(
    ValidatorTable validators, Authority authority, SpiffeId sentry, string clusterDomain, SentryMetrics metrics, TimeProvider time, ILogger logger)
    : IGrpcCallObserver
{
    private const string Service = "dapr.proto.sentry.v1.CA";

    // Each costs a signature.
    private const int MaxAudiences = 100;

    /// <summary>Adds the method to a table.</summary>
    public void Register(GrpcMethods methods) => methods.Unary(Service, "SignCertificate", SignCertificateRequest.Parser, SignAsync);

    /// <inheritdoc/>
    public RpcException? Translate(Exception exception) => null;

    /// <inheritdoc/>
    public void Completed(GrpcCall call, StatusCode status, int received, int sent, TimeSpan elapsed)
    {
        // Counted where the outcome is known.
    }

    private async Task<SignCertificateResponse> SignAsync(SignCertificateRequest request, ServerCallContext context)
    {
        metrics.Received();
        try
        {
            var response = Sign(request, await ValidateAsync(request, context.CancellationToken));
            metrics.Succeeded();
            return response;
        }
        catch (Exception e)
        {
            metrics.Failed();
            if (e is RpcException refused)
            {
                logger.LogWarning(
                    "certificate for {Namespace}/{Id} not issued: {Code}: {Reason}", Shown(request.Namespace), Shown(request.Id), refused.StatusCode, refused.Status.Detail);
            }

            throw;
        }
    }

    private async ValueTask<ValidatedRequest> ValidateAsync(SignCertificateRequest request, CancellationToken cancellationToken)
    {
        if (!validators.TryGet(request.TokenValidator, out var validator))
        {
            throw Refused(StatusCode.InvalidArgument, request.TokenValidator == SignCertificateRequest.Types.TokenValidator.Unknown
                ? "a validator name must be specified in this environment" : "the requested validator is not enabled");
        }

        try
        {
            return await validator.ValidateAsync(request, cancellationToken);
        }
        catch (ValidationException e)
        {
            throw Refused(StatusCode.PermissionDenied, e.Message);
        }
    }

    private SignCertificateResponse Sign(SignCertificateRequest request, ValidatedRequest validated)
    {
        var state = authority.Current!;
        ReadOnlyMemory<byte> key;
        try
        {
            key = SigningRequest.ReadPublicKey(request.CertificateSigningRequest.Span);
        }
        catch (SigningRequestException e)
        {
            throw Refused(StatusCode.InvalidArgument, e.Message);
        }

        var now = time.GetUtcNow();
        SpiffeId id;
        (byte[] Pem, DateTimeOffset NotAfter) issued;
        try
        {
            id = SpiffeId.Create(validated.TrustDomain, request.Namespace, request.Id);
            issued = state.IssuerAt(now).IssuePem(new CertificateContent(id, key, DnsNames(id), validated.ContainerImages), now);
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            logger.LogError("failed to sign certificate: {Error}", e.Message);
            throw Refused(StatusCode.Internal, "failed to sign certificate");
        }

        var response = new SignCertificateResponse
        {
            WorkloadCertificate = UnsafeByteOperations.UnsafeWrap(issued.Pem),
            ValidUntil = Timestamp.FromDateTimeOffset(issued.NotAfter),
        };
        response.TrustChainCertificates.Add(state.TrustAnchors);
        if (state.Jwt is { } jwt)
        {
            AddTokens(response, jwt, id, request.JwtAudiences, now);
        }

        return response;
    }

    private static void AddTokens(SignCertificateResponse response, JwtIssuer jwt, SpiffeId id, IReadOnlyCollection<string> asked, DateTimeOffset now)
    {
        if (asked.Count > MaxAudiences)
        {
            throw Refused(StatusCode.InvalidArgument, $"no more than {MaxAudiences} JWT audiences can be requested");
        }

        string[] audiences = [.. asked.Prepend(id.TrustDomain).Distinct(StringComparer.Ordinal)];
        try
        {
            response.Jwt = jwt.Issue(id, audiences, now);
        }
        catch (Exception e) when (e is JwtIssueException or CryptographicException)
        {
            throw Refused(StatusCode.Internal, $"failed to generate JWT: {e.Message}");
        }

        foreach (var audience in audiences)
        {
            try
            {
                response.PerAudienceJwts[audience] = jwt.Issue(id, [audience], now);
            }
            catch (Exception e) when (e is JwtIssueException or CryptographicException)
            {
                throw Refused(StatusCode.Internal, $"failed to generate JWT for audience {audience}: {e.Message}");
            }
        }
    }

    // Names that API servers and etcd peers connect by; nobody outside the control plane's namespace gets one.
    private string[] DnsNames(SpiffeId id)
        => id.Namespace != sentry.Namespace ? [] : id.AppId switch
        {
            "dapr-injector" => [$"dapr-sidecar-injector.{id.Namespace}.svc"],
            "dapr-operator" => [$"dapr-webhook.{id.Namespace}.svc"],
            "dapr-scheduler" => [.. Enumerable.Range(0, 3).Select(n => $"dapr-scheduler-server-{n}.dapr-scheduler-server.{id.Namespace}.svc.{clusterDomain}")],
            _ => [],
        };

    private static RpcException Refused(StatusCode code, string message) => new(new Status(code, message));

    // What is logged of a request that nobody vouches for.
    private static string Shown(string name) => name.Length <= 64 ? name : name[..64] + "…";
}
