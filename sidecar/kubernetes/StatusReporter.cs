using DaprK8s.Common.Hosting;
using DaprK8s.Protos.Operator.Status.V1;
using DaprK8s.Sidecar.Runtime;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using ResourceStatus = DaprK8s.Sidecar.Runtime.ResourceStatus;
using Reported = DaprK8s.Protos.Operator.Status.V1.ResourceState;
using ReportedState = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;
using Statuses = System.Collections.Generic.IReadOnlyDictionary<(string Kind, string Name), DaprK8s.Sidecar.Runtime.ResourceStatus>;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// Tells the operator how the resources fare that this sidecar uses: all of them when the stream opens, then what changes. Nothing waits
/// for it, and an operator that does not know the service, such as Dapr's, is left alone.
/// </summary>
internal sealed class StatusReporter(
    OperatorConnection @operator, SidecarInfo self, string podName, ResourceStatuses statuses, TimeProvider time, ILogger logger)
{
    private const int MaxMessageLength = 1024;

    // A thousand sidecars that were started at once are not to report at once.
    private static readonly TimeSpan LongestFirstPause = TimeSpan.FromSeconds(2);

    // What changes together is told together.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SteadyAfter = TimeSpan.FromSeconds(30);

    /// <summary>Reports until the token ends.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var pause = new BackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), multiplier: 2);
        await Task.Delay(LongestFirstPause * Random.Shared.NextDouble(), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                await ReportAsync(cancellationToken);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                logger.LogDebug("The operator takes no reports of how resources fare");
                return;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e)
            {
                logger.LogDebug("Reporting how resources fare is interrupted, trying again: {Code}: {Problem}", e.StatusCode, e.Status.Detail);
            }
            catch (Exception e)
            {
                logger.LogError(e, "Reporting how resources fare failed; trying again");
            }

            if (time.GetElapsedTime(began) >= SteadyAfter)
            {
                pause.Reset();
            }

            await Task.Delay(pause.Next(), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        using var stream = @operator.Report(cancellationToken);
        var changed = statuses.Changed;
        var told = statuses.All;
        var first = Request(isSnapshot: true);
        first.Resources.AddRange(told.Values.Where(IsObject).Select(Describe));
        await stream.WriteAsync(first, cancellationToken);
        while (true)
        {
            await Task.WhenAny(changed, stream.Ended);
            if (stream.Ended.IsCompleted)
            {
                await stream.Ended;
                return;
            }

            await Task.Delay(Gathering, time, cancellationToken);
            changed = statuses.Changed;
            var now = statuses.All;
            var changes = Request(isSnapshot: false);
            changes.Resources.AddRange(Differences(told, now));
            told = now;
            if (changes.Resources.Count > 0)
            {
                await stream.WriteAsync(changes, cancellationToken);
            }
        }
    }

    private ReportRequest Request(bool isSnapshot) => new() { Namespace = self.Namespace, PodName = podName, Snapshot = isSnapshot };

    private static IEnumerable<Reported> Differences(Statuses before, Statuses now)
    {
        foreach (var (key, status) in now)
        {
            if (IsObject(status) && (!before.TryGetValue(key, out var last) || !ReferenceEquals(last, status)))
            {
                yield return Describe(status);
            }
        }

        foreach (var (key, status) in before)
        {
            if (IsObject(status) && !now.ContainsKey(key))
            {
                yield return new Reported { Kind = status.Kind, Name = status.Name, Uid = status.Uid, Generation = status.Generation, State = ReportedState.Removed };
            }
        }
    }

    // The built-in secret store is no object of the API that a status could be kept in.
    private static bool IsObject(ResourceStatus status) => status.Uid.Length > 0;

    private static Reported Describe(ResourceStatus status) => new()
    {
        Kind = status.Kind,
        Name = status.Name,
        Uid = status.Uid,
        Generation = status.Generation,
        State = status.State switch
        {
            Runtime.ResourceState.Starting => ReportedState.Starting,
            Runtime.ResourceState.Ready => ReportedState.Ready,
            Runtime.ResourceState.Failed => ReportedState.Failed,
            Runtime.ResourceState.Degraded => ReportedState.Degraded,
            _ => ReportedState.Unknown,
        },
        Reason = status.Reason,
        Message = status.Message.Length <= MaxMessageLength ? status.Message : status.Message[..(MaxMessageLength - 1)] + "…",
        Since = Timestamp.FromDateTimeOffset(status.Since),
    };
}
