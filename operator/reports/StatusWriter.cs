using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Resources;
using DaprK8s.Operator.Server;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Reports;

/// <summary>How often statuses are written.</summary>
internal sealed record StatusPace
{
    /// <summary>From a report to its writing: what comes meanwhile is written with it.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the end of a stream to its writing: sidecars come back, to this replica or another.</summary>
    public TimeSpan Absence { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>After the start nothing is said of resources that nobody has told of: sidecars are still connecting.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Between two writes, of whatever objects.</summary>
    public TimeSpan Spacing { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>After a write that failed, of this kind.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// Keeps the statuses of resources: on the leader alone, from what sidecars report to all replicas. One write for an object at most each
/// time that it has settled, so many a second over all, and none when nothing has changed.
/// </summary>
internal sealed class StatusWriter
{
    private readonly ResourceFeeds feeds;
    private readonly ReportTable reports;
    private readonly KubernetesClient client;
    private readonly EventRecorder events;
    private readonly OperatorMetrics metrics;
    private readonly StatusPace pace;
    private readonly ILogger logger;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly Dictionary<ResourceKey, DateTimeOffset> due = [];
    private readonly Dictionary<string, DateTimeOffset> silent = [];
    private readonly Dictionary<string, Complaint> complaints = ResourceKind.All.ToDictionary(k => k.Name, _ => new Complaint());
    private readonly SemaphoreSlim changed = new(0, 1);
    private DateTimeOffset started;

    public StatusWriter(
        ResourceFeeds feeds, ReportTable reports, KubernetesClient client, EventRecorder events, OperatorMetrics metrics, StatusPace pace, ILogger logger, TimeProvider time)
    {
        (this.feeds, this.reports, this.client, this.events, this.metrics, this.pace, this.logger, this.time)
            = (feeds, reports, client, events, metrics, pace, logger, time);
    }

    /// <summary>Writes until cancellation.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        started = time.GetUtcNow();
        reports.ResourceChanged = (key, isGone) => Mark(key, isGone ? pace.Absence : pace.Settle);
        foreach (var feed in feeds.All)
        {
            feed.Changed = OnResourceChanged;
        }

        try
        {
            foreach (var feed in feeds.All)
            {
                await feed.WaitForSyncAsync(cancellationToken);
                foreach (var resource in feed.All)
                {
                    Mark(KeyOf(resource), pace.Grace);
                }
            }

            while (true)
            {
                await WriteDueAsync(cancellationToken);
                await WaitAsync(cancellationToken);
            }
        }
        finally
        {
            reports.ResourceChanged = null;
            foreach (var feed in feeds.All)
            {
                feed.Changed = null;
            }
        }
    }

    private void OnResourceChanged(ResourceChange<WatchedResource> change)
    {
        switch (change)
        {
            case { After: null, Before: { } gone }:
                events.Forget(gone.Metadata.Uid ?? "");
                break;
            case { Before: null, After: { } made }:
                Mark(KeyOf(made), pace.Absence);
                break;
            case { Before: { } before, After: { } after } when before.Generation != after.Generation || before.Metadata.Uid != after.Metadata.Uid:
                Mark(KeyOf(after), pace.Absence);
                break;
        }
    }

    private void Mark(ResourceKey key, TimeSpan after)
    {
        lock (gate)
        {
            var at = time.GetUtcNow() + after;
            if (due.TryGetValue(key, out var known) && known <= at)
            {
                return;
            }

            due[key] = at;
            Signal();
        }
    }

    private void Signal()
    {
        if (changed.CurrentCount == 0)
        {
            changed.Release();
        }
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        TimeSpan wait;
        lock (gate)
        {
            wait = due.Count == 0 ? Timeout.InfiniteTimeSpan : due.Values.Min() - time.GetUtcNow();
        }

        if (wait == Timeout.InfiniteTimeSpan)
        {
            await changed.WaitAsync(cancellationToken);
        }
        else if (wait > TimeSpan.Zero)
        {
            using var woken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(Task.Delay(wait, time, woken.Token), changed.WaitAsync(woken.Token));
            await woken.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task WriteDueAsync(CancellationToken cancellationToken)
    {
        ResourceKey[] ready;
        lock (gate)
        {
            var now = time.GetUtcNow();
            ready = [.. due.Where(d => d.Value <= now).OrderBy(d => d.Value).Select(d => d.Key)];
            Array.ForEach(ready, k => due.Remove(k));
        }

        foreach (var key in ready)
        {
            if (await WriteAsync(key, cancellationToken))
            {
                await Task.Delay(pace.Spacing, time, cancellationToken);
            }
        }
    }

    /// <returns>Whether the API server was asked to do something.</returns>
    private async Task<bool> WriteAsync(ResourceKey key, CancellationToken cancellationToken)
    {
        if (ResourceKind.Find(key.Kind) is not { } kind || feeds[kind].Find(key.Namespace, key.Name) is not { } resource || IsSilent(kind, key))
        {
            return false;
        }

        var told = reports.Of(key);
        var former = Read(resource.Status);
        var left = started + pace.Grace - time.GetUtcNow();
        if (told.Count == 0 && left > TimeSpan.Zero)
        {
            Mark(key, left);
            return false;
        }

        var wanted = StatusFold.Fold(resource.Generation, resource.Metadata.Uid ?? "", told, former, time.GetUtcNow());
        if (former is not null && Write(former).AsSpan().SequenceEqual(Write(wanted)))
        {
            return false;
        }

        if (await PatchAsync(kind, key, wanted, cancellationToken))
        {
            await RecordAsync(kind, resource, former, wanted, cancellationToken);
        }

        return true;
    }

    private async Task<bool> PatchAsync(ResourceKind kind, ResourceKey key, ResourceStatus wanted, CancellationToken cancellationToken)
    {
        var status = JsonNode.Parse(Write(wanted))!.AsObject();

        // What a merge does not name stays.
        status["apps"]!.AsObject().TryAdd("failing", null);
        try
        {
            await client.PatchAsync(
                kind.Resource, key.Namespace, key.Name, PatchKind.Merge, new JsonObject { ["status"] = status }, cancellationToken, fieldManager: "dapr-operator", subresource: "status");
            metrics.StatusWritten(kind.Name, isWritten: true);
            if (complaints[kind.Name].End())
            {
                logger.LogInformation("the status of {Kind} {Namespace}/{Name} is written, that of others follows", kind.Name, key.Namespace, key.Name);
            }

            return true;
        }
        catch (KubernetesException e) when (e.IsObjectMissing)
        {
            return false;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            metrics.StatusWritten(kind.Name, isWritten: false);
            Silence(kind, key, e);
            return false;
        }
    }

    // A kind without a status, or without the right to it, is not tried for every object.
    private void Silence(ResourceKind kind, ResourceKey key, Exception e)
    {
        var pause = e is KubernetesException { IsKindMissing: true } or KubernetesException { IsForbidden: true } ? TimeSpan.FromMinutes(5) : pace.Retry;
        lock (gate)
        {
            silent[kind.Name] = time.GetUtcNow() + pause;
        }

        if (complaints[kind.Name].IsNew(KubernetesException.CauseOf(e)))
        {
            logger.LogWarning(
                "the status of {Kind} {Namespace}/{Name} can't be written, trying again in {Pause:0} s: {Error}",
                kind.Name, key.Namespace, key.Name, pause.TotalSeconds, KubernetesException.Explain(e));
        }

        Mark(key, pause);
    }

    private bool IsSilent(ResourceKind kind, ResourceKey key)
    {
        DateTimeOffset until;
        lock (gate)
        {
            if (!silent.TryGetValue(kind.Name, out until))
            {
                return false;
            }

            if (until <= time.GetUtcNow())
            {
                silent.Remove(kind.Name);
                return false;
            }
        }

        Mark(key, until - time.GetUtcNow());
        return true;
    }

    private async Task RecordAsync(ResourceKind kind, WatchedResource resource, ResourceStatus? former, ResourceStatus wanted, CancellationToken cancellationToken)
    {
        var before = former?.Conditions?.FirstOrDefault(c => c.Type == StatusFold.Ready);
        if (wanted.Conditions?.FirstOrDefault(c => c.Type == StatusFold.Ready) is not { } now)
        {
            return;
        }

        var subject = new EventSubject(kind.ApiVersion, kind.Name, resource.Namespace, resource.Name, resource.Metadata.Uid ?? "");
        if (now.Status == "False" && (before?.Status != "False" || before.Reason != now.Reason))
        {
            await events.RecordAsync(subject, warning: true, now.Reason, now.Message, cancellationToken);
        }
        else if (now.Status == "True" && before?.Status == "False")
        {
            await events.RecordAsync(subject, warning: false, "Recovered", $"in use in all of {wanted.Apps!.Total} sidecars", cancellationToken);
        }
    }

    private static ResourceStatus? Read(byte[]? status)
    {
        try
        {
            return status is null ? null : JsonSerializer.Deserialize(status, ResourceStatus.Json);
        }
        catch (JsonException)
        {
            // Somebody else's; it is written anew.
            return null;
        }
    }

    private static byte[] Write(ResourceStatus status) => JsonSerializer.SerializeToUtf8Bytes(status, ResourceStatus.Json);

    private static ResourceKey KeyOf(WatchedResource resource) => new(resource.Namespace, resource.Kind.Name, resource.Name);
}
