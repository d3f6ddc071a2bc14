using System.Net;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Wire;
using DaprK8s.Operator.Server;
using DaprK8s.Protos.Operator.Status.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Reports;

/// <summary>Hands on what sidecars report to this replica to the one that leads, as long as that is another.</summary>
internal sealed class ReportRelay
{
    private const int ReportsPerMessage = 50;

    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(500);

    private readonly ReportTable table;
    private readonly LeaderElection election;
    private readonly IIdentity identity;
    private readonly SpiffeId self;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly HashSet<PodKey> pending = [];
    private readonly SemaphoreSlim changed = new(0, 1);

    public ReportRelay(ReportTable table, LeaderElection election, IIdentity identity, SpiffeId self, ILogger logger, TimeProvider time)
    {
        (this.table, this.election, this.identity, this.self, this.logger, this.time) = (table, election, identity, self, logger, time);
        table.PodChanged = OnPodChanged;
    }

    /// <summary>Tells that the leader may be another.</summary>
    public void LeaderChanged() => Signal();

    /// <summary>Hands on until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var pause = new BackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), 2);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (LeaderElsewhere() is not { } leader)
            {
                await changed.WaitAsync(cancellationToken);
                continue;
            }

            try
            {
                await RelayAsync(leader, pause, cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                logger.LogDebug("reports can't be handed on to {Leader}, trying again: {Error}", leader, e.Message);
                await Task.Delay(pause.Next(), time, cancellationToken);
            }
        }
    }

    private string? LeaderElsewhere()
        => !election.IsLeader && election.Leader is { Identity.Length: > 0 } leader && leader.Annotations.GetValueOrDefault(LeaderAddress.Annotation) is { Length: > 0 } address
            ? address : null;

    private async Task RelayAsync(string leader, BackOff pause, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            ConnectCallback = async (context, ct) =>
            {
                var (own, anchors) = await identity.GetAsync(ct);
                var verdict = new PeerVerdict();
                return await SpiffeConnector.ConnectAsync(
                    context.DnsEndPoint, TlsRoles.Client(own, anchors, PeerRule.Exact(self), context.DnsEndPoint.Host, verdict), verdict, ct);
            },
        };
        using var client = new HttpMessageInvoker(handler);
        using var stream = GrpcClientStream<RelayRequest>.Open(client, new Uri($"http://{leader}/daprk8s.proto.operator.v1.ResourceStatus/Relay"), cancellationToken);
        Take();
        await SendAsync(stream, table.Pods, isSnapshot: true, cancellationToken);
        while (LeaderElsewhere() == leader)
        {
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(changed.WaitAsync(waiting.Token), stream.Ended);
            await waiting.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
            if (stream.Ended.IsCompleted)
            {
                await stream.Ended;
                throw new RpcException(new Status(StatusCode.Unavailable, "the leader has ended the stream"));
            }

            // Sidecars that restart do so together.
            await Task.Delay(Gather, time, cancellationToken);
            await SendAsync(stream, Take(), isSnapshot: false, cancellationToken);
            pause.Reset();
        }

        stream.Complete();
    }

    private async Task SendAsync(GrpcClientStream<RelayRequest> stream, IReadOnlyList<PodKey> pods, bool isSnapshot, CancellationToken cancellationToken)
    {
        // The first message of a snapshot makes room, those after it fill it.
        if (isSnapshot && pods.Count == 0)
        {
            await stream.WriteAsync(new RelayRequest { Snapshot = true }, cancellationToken);
        }

        foreach (var chunk in pods.Chunk(ReportsPerMessage))
        {
            var message = new RelayRequest { Snapshot = isSnapshot };
            message.Reports.AddRange(chunk.Select(ReportOf));
            await stream.WriteAsync(message, cancellationToken);
            isSnapshot = false;
        }
    }

    private AppReport ReportOf(PodKey pod)
    {
        var states = table.Find(pod);
        var report = new AppReport { Namespace = pod.Namespace, AppId = pod.AppId, PodName = pod.Pod, Gone = states is null };
        report.Resources.AddRange(states ?? []);
        return report;
    }

    private void OnPodChanged(PodKey pod)
    {
        if (election.IsLeader)
        {
            return;
        }

        lock (gate)
        {
            pending.Add(pod);
        }

        Signal();
    }

    private PodKey[] Take()
    {
        lock (gate)
        {
            PodKey[] taken = [.. pending];
            pending.Clear();
            return taken;
        }
    }

    private void Signal()
    {
        lock (gate)
        {
            if (changed.CurrentCount == 0)
            {
                changed.Release();
            }
        }
    }
}
