using System.Net;
using DaprK8s.Common.Wire;
using DaprK8s.Protos.Sentry.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Common.Identity;

/// <summary>Whom a process asks for and how it reaches sentry (contract: security 2.2, 2.6).</summary>
public sealed class SentryClientOptions
{
    /// <summary>Sentry's address, <c>host:port</c>.</summary>
    public required string Address { get; init; }

    /// <summary>Who sentry must be.</summary>
    public required SpiffeId Sentry { get; init; }

    /// <summary>The app id, or the name of the control-plane service.</summary>
    public required string AppId { get; init; }

    /// <summary>The namespace of the process.</summary>
    public required string Namespace { get; init; }

    /// <summary>Further audiences for JWTs.</summary>
    public IReadOnlyList<string> JwtAudiences { get; init; } = [];

    /// <summary>The proof.</summary>
    public required IdentityToken Token { get; init; }
}

/// <summary>Asks sentry for certificates. No client certificate is shown; sentry must prove that it is sentry.</summary>
public sealed class SentryClient : ISvidIssuer, IDisposable
{
    private const int Attempts = 5;
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly string[] ControlPlane = ["dapr-operator", "dapr-placement", "dapr-injector", "dapr-sentry", "dapr-scheduler"];

    private readonly SentryClientOptions options;
    private readonly TrustAnchorSource anchors;
    private readonly TimeProvider time;
    private readonly HttpMessageInvoker client;
    private readonly Uri method;
    private Task<Stream>? begun;

    /// <summary>Makes a client; nothing is connected before it is asked.</summary>
    /// <exception cref="IdentityException">The address is none.</exception>
    public SentryClient(SentryClientOptions options, TrustAnchorSource anchors, TimeProvider time)
    {
        (this.options, this.anchors, this.time) = (options, anchors, time);
        method = Uri.TryCreate($"http://{options.Address}/dapr.proto.sentry.v1.CA/SignCertificate", UriKind.Absolute, out var uri)
            ? uri : throw new IdentityException($"sentry address \"{options.Address}\" is not host:port");
        client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,

            // Requests are hours apart, and sentry may have moved by then.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = async (context, ct) => await TakeBegunAsync(ct) ?? await ConnectAsync(context.DnsEndPoint, ct),
        });
    }

    /// <summary>Begins with the connection that the first request will take, while something else is waited for; no more than an attempt.</summary>
    public void BeginToConnect()
    {
        var limit = new CancellationTokenSource(AttemptLimit, time);
        begun = ConnectAsync(new DnsEndPoint(method.Host, method.Port), limit.Token);
        _ = begun.ContinueWith(_ => limit.Dispose(), TaskScheduler.Default);
    }

    /// <inheritdoc/>
    public async Task<IssuedSvid> IssueAsync(string signingRequest, CancellationToken cancellationToken)
    {
        var request = await RequestAsync(signingRequest, cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return ToSvid(await CallAsync(request, cancellationToken));
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.DeadlineExceeded)
            {
                if (attempt == Attempts)
                {
                    throw new SvidRequestException($"error establishing connection to sentry: {options.Address}: {e.Status.Detail}", "sentry_conn", isPassing: true, e);
                }
            }
            catch (RpcException e)
            {
                throw new SvidRequestException($"error from sentry SignCertificate: {e.StatusCode}: {e.Status.Detail}", "sign", IsPassing(e.StatusCode), e);
            }

            await Task.Delay(Pause * attempt, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        client.Dispose();
        _ = Interlocked.Exchange(ref begun, null)?.ContinueWith(static c => c.Result.Dispose(), TaskContinuationOptions.OnlyOnRanToCompletion);
    }

    private async ValueTask<Stream?> TakeBegunAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref begun, null) is not { } connection)
        {
            return null;
        }

        await ((Task)connection).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return connection.IsCompletedSuccessfully ? await connection : null;
    }

    private async Task<Stream> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        await anchors.Ready.WaitAsync(cancellationToken);
        var verdict = new PeerVerdict();
        return await SpiffeConnector.ConnectAsync(
            endpoint, TlsRoles.Client(null, anchors.Current!, PeerRule.Exact(options.Sentry), endpoint.Host, verdict), verdict, cancellationToken);
    }

    // What sentry says of the caller does not change by asking again; what it says of itself may.
    private static bool IsPassing(StatusCode code)
        => code is not (StatusCode.PermissionDenied or StatusCode.InvalidArgument or StatusCode.Unauthenticated or StatusCode.Unimplemented);

    private async Task<SignCertificateResponse> CallAsync(SignCertificateRequest request, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(AttemptLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await GrpcUnary.CallAsync(client, method, request, SignCertificateResponse.Parser, either.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"no answer within {AttemptLimit.TotalSeconds} s", e));
        }
    }

    private async Task<SignCertificateRequest> RequestAsync(string signingRequest, CancellationToken cancellationToken)
    {
        try
        {
            var (token, validator) = await options.Token.ReadAsync(cancellationToken);
            var request = new SignCertificateRequest
            {
                Id = options.AppId,
                Namespace = options.Namespace,
                Token = token,
                TokenValidator = (SignCertificateRequest.Types.TokenValidator)validator,
                CertificateSigningRequest = ByteString.CopyFromUtf8(signingRequest),
                TrustDomain = ControlPlane.Contains(options.AppId) && options.Namespace == options.Sentry.Namespace ? options.Sentry.TrustDomain : "",
            };
            request.JwtAudiences.AddRange(options.JwtAudiences);
            return request;
        }
        catch (IdentityException e)
        {
            throw new SvidRequestException($"error obtaining token: {e.Message}", "sentry_token", isPassing: true, e);
        }
    }

    private static IssuedSvid ToSvid(SignCertificateResponse answer)
    {
        if (answer.ValidUntil is null)
        {
            throw new SvidRequestException("error parsing ValidUntil: it is missing", "invalid_ts", isPassing: true);
        }

        return new IssuedSvid(
            answer.WorkloadCertificate.Memory, answer.TrustChainCertificates.Count > 0 ? answer.TrustChainCertificates[0].ToStringUtf8() : null)
        {
            Jwt = answer.Jwt,
            JwtByAudience = new Dictionary<string, string>(answer.PerAudienceJwts.Select(p => KeyValuePair.Create(p.Key, p.Value ?? ""))),
        };
    }
}
