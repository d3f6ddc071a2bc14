using System.Net;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Wire;
using DaprK8s.Protos.Operator.Status.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// The connection to the operator: mTLS, the other side exactly the operator (contract: k8s 2.6, security 2.8). It is opened anew, with the
/// newest certificate, whenever a call finds it broken.
/// </summary>
internal sealed class OperatorConnection : IDisposable
{
    private const string Service = "/dapr.proto.operator.v1.Operator/";
    private const string ReportMethod = "/daprk8s.proto.operator.v1.ResourceStatus/Report";
    private const int MaxMessageBytes = 64 << 20;
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(5);

    // Servers of gRPC's own make hang up on a client whose pings come more often than each 5 minutes, unless they have sent something
    // meanwhile, as they do when they are asked for lists.
    private static readonly TimeSpan PingBetweenLists = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan LonePing = TimeSpan.FromMinutes(6);

    private readonly DnsEndPoint endpoint;
    private readonly PeerRule rule;
    private readonly IIdentity identity;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly HttpMessageInvoker client;
    private readonly Uri root;
    private Stream? dialled;

    /// <summary>Makes it; nothing is connected yet.</summary>
    /// <param name="address"><c>host:port</c>.</param>
    /// <param name="operator">Who must be there.</param>
    /// <param name="identity">What is presented.</param>
    /// <param name="listInterval">How often it is asked for lists at least.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For waiting.</param>
    /// <exception cref="OperatorException">The address is none.</exception>
    public OperatorConnection(string address, SpiffeId @operator, IIdentity identity, TimeSpan listInterval, TimeProvider time, ILogger logger)
    {
        (this.identity, this.time, this.logger, rule) = (identity, time, logger, PeerRule.Exact(@operator));
        if (!Uri.TryCreate($"http://{address}", UriKind.Absolute, out var uri) || uri.AbsolutePath != "/" || uri.UserInfo.Length > 0)
        {
            throw new OperatorException($"operator address \"{address}\" is not host:port");
        }

        endpoint = new DnsEndPoint(uri.DnsSafeHost, uri.Port);
        root = uri;
        client = new HttpMessageInvoker(new SecretProblemsHandler(CreateHandler(listInterval < 2 * PingBetweenLists ? PingBetweenLists : LonePing)));
    }

    /// <summary>Calls a method, tried again when the operator is away or busy.</summary>
    /// <exception cref="RpcException">The operator refused, or all tries failed.</exception>
    public Task<TResponse> CallAsync<TRequest, TResponse>(
        string method, TRequest request, MessageParser<TResponse> answers, CancellationToken cancellationToken, int retries)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
        => OperatorCall.CallAsync(
            ct => GrpcUnary.CallAsync(client, new Uri(root, Service + method), request, answers, ct, MaxMessageBytes), time, cancellationToken, retries);

    /// <summary>Opens a stream of changes.</summary>
    public GrpcServerStream<TEvent> Open<TRequest, TEvent>(string method, TRequest request, MessageParser<TEvent> events, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TEvent : class, IMessage<TEvent>
        => GrpcServerStream<TEvent>.Open(client, new Uri(root, Service + method), request, events, MaxMessageBytes, cancellationToken);

    /// <summary>Begins to report what became of the resources.</summary>
    public GrpcClientStream<ReportRequest> Report(CancellationToken cancellationToken)
        => GrpcClientStream<ReportRequest>.Open(client, new Uri(root, ReportMethod), cancellationToken);

    /// <summary>Connects for the first time, trying again for 30 s (contract: k8s 5.3).</summary>
    /// <exception cref="OperatorException">It was not to be reached.</exception>
    public async Task DialAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var pause = new BackOff(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(3));
        for (var told = ""; ;)
        {
            try
            {
                Interlocked.Exchange(ref dialled, await ConnectAsync(cancellationToken))?.Dispose();
                return;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                var next = pause.Next();
                if (time.GetElapsedTime(started) + next >= DialLimit)
                {
                    throw new OperatorException(
                        $"error connecting to the operator at {endpoint.Host}:{endpoint.Port} within {DialLimit.TotalSeconds} s: {e.Message}", e);
                }

                if (e.Message != told)
                {
                    told = e.Message;
                    logger.LogWarning("Waiting for the operator, trying again: {Problem}", e.Message);
                }

                await Task.Delay(next, time, cancellationToken);
            }
        }
    }

    public void Dispose()
    {
        client.Dispose();
        dialled?.Dispose();
    }

    private async Task<Stream> ConnectAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(HandshakeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var (svid, anchors) = await identity.GetAsync(either.Token);
            var verdict = new PeerVerdict();
            return await SpiffeConnector.ConnectAsync(endpoint, TlsRoles.Client(svid, anchors, rule, endpoint.Host, verdict), verdict, either.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OperatorException($"{endpoint.Host}:{endpoint.Port} did not answer within {HandshakeLimit.TotalSeconds} s", e);
        }
    }

    private SocketsHttpHandler CreateHandler(TimeSpan pingDelay) => new()
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(3),

        // A stream may be silent for hours: only pings tell that the other side is still there.
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = pingDelay,
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        ConnectCallback = async (_, cancellationToken) => Interlocked.Exchange(ref dialled, null) ?? await ConnectAsync(cancellationToken),
    };

    /// <summary>Says with each call that one resource without its Secrets need not cost the others.</summary>
    private sealed class SecretProblemsHandler(HttpMessageHandler next) : DelegatingHandler(next)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.TryAddWithoutValidation(SecretProblems.Header, SecretProblems.InDocument);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
