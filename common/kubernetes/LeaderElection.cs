using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.Common.Hosting;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Common.Kubernetes;

/// <summary>Which lease, and who wants it (contract: k8s 2.13).</summary>
public sealed record LeaderElectionOptions
{
    /// <summary>The lease's name.</summary>
    public required string LeaseName { get; init; }

    /// <summary>The lease's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>This process, as no other calls itself.</summary>
    public required string Identity { get; init; }

    /// <summary>Annotations that tell others how to reach the leader.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>How long a lease that is not renewed keeps others away.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A leader that could not renew for so long steps down.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time between two looks at the lease.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>The lease went to somebody else, or could not be renewed. Who led must end: what it has begun may be done twice.</summary>
public sealed class LeadershipLostException(string message) : Exception(message);

/// <summary>
/// One leader among the replicas of a service, by a Lease of the cluster. A lease counts as abandoned when it did not change for its
/// duration by the clock of who looks, so that clocks need not agree.
/// </summary>
/// <param name="client">The API server.</param>
/// <param name="options">Which lease, and who wants it.</param>
/// <param name="logger">Told of elections.</param>
/// <param name="time">The clock.</param>
public sealed class LeaderElection(KubernetesClient client, LeaderElectionOptions options, ILogger logger, TimeProvider time)
{
    private readonly Complaint complaint = new();
    private (string Version, long At) seen = ("", time.GetTimestamp());
    private JsonObject? lease;
    private volatile bool isLeader;
    private volatile LeaderRecord leader = new("", new Dictionary<string, string>());

    /// <summary>Whether this process leads.</summary>
    public bool IsLeader
    {
        get => isLeader;
        private set => isLeader = value;
    }

    /// <summary>Who leads, as far as it is known.</summary>
    public LeaderRecord Leader => leader;

    /// <summary>Told when <see cref="Leader"/> or <see cref="IsLeader"/> has changed.</summary>
    public Action? Changed { get; init; }

    /// <summary>Waits for the lease, then leads until cancellation, and gives the lease back.</summary>
    /// <param name="lead">What the leader does; cancelled when it must stop.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="LeadershipLostException">It led and leads no more.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> lead, CancellationToken cancellationToken)
    {
        logger.LogInformation("attempting to acquire leader lease {Namespace}/{Name}...", options.Namespace, options.LeaseName);
        while (!await TryAsync(cancellationToken))
        {
            await Task.Delay(options.RetryPeriod * (1 + (0.2 * Random.Shared.NextDouble())), time, cancellationToken);
        }

        logger.LogInformation("successfully acquired lease {Namespace}/{Name}", options.Namespace, options.LeaseName);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IsLeader = true;
        Changed?.Invoke();
        var leading = lead(stop.Token);
        var renewing = RenewAsync(stop.Token);
        try
        {
            await await Task.WhenAny(leading, renewing);
            await renewing;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped.
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(leading, renewing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            IsLeader = false;
            if (renewing.Exception?.InnerException is not LeadershipLostException)
            {
                await ReleaseAsync();
            }
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        var renewed = time.GetTimestamp();
        while (true)
        {
            await Task.Delay(options.RetryPeriod, time, cancellationToken);
            if (await TryAsync(cancellationToken))
            {
                renewed = time.GetTimestamp();
            }
            else if (leader.Identity.Length > 0 && leader.Identity != options.Identity)
            {
                throw new LeadershipLostException($"leader election lost: the lease is held by {leader.Identity}");
            }
            else if (time.GetElapsedTime(renewed) >= options.RenewDeadline)
            {
                throw new LeadershipLostException($"leader election lost: the lease could not be renewed for {options.RenewDeadline.TotalSeconds:0} s");
            }
        }
    }

    private async Task<bool> TryAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.RenewDeadline / 2, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            // The leader knows the lease that it wrote, and others can't have written it without a conflict.
            if (!IsLeader || lease is null)
            {
                lease = await ReadAsync(either.Token);
                Observe(lease);
            }

            if (lease is not null && IsHeldByAnother(lease))
            {
                Recover();
                return false;
            }

            lease = lease is null
                ? await client.CreateAsync(ApiResources.Leases, options.Namespace, Filled(new JsonObject()), either.Token)
                : await client.UpdateAsync(ApiResources.Leases, options.Namespace, options.LeaseName, Filled(lease), either.Token);
            Observe(lease);
            Recover();
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // A conflict: somebody else was quicker, whom the next look will show.
            lease = null;
            if (e is KubernetesException { IsConflict: true } && IsLeader)
            {
                await ObserveAgainAsync(cancellationToken);
            }
            else if (e is not KubernetesException { IsConflict: true })
            {
                Complain(e);
            }

            return false;
        }
    }

    private void Complain(Exception e)
    {
        if (complaint.IsNew(KubernetesException.CauseOf(e)))
        {
            logger.LogWarning(
                "leader election: the lease {Namespace}/{Name} can't be had, trying again: {Error}",
                options.Namespace, options.LeaseName, e is OperationCanceledException ? "the API server did not answer in time" : KubernetesException.Explain(e));
        }
    }

    private void Recover()
    {
        if (complaint.End())
        {
            logger.LogInformation("leader election: the lease {Namespace}/{Name} can be read and written again", options.Namespace, options.LeaseName);
        }
    }

    private async Task ObserveAgainAsync(CancellationToken cancellationToken)
    {
        try
        {
            lease = await ReadAsync(cancellationToken);
            Observe(lease);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            logger.LogDebug("leader election: {Error}", e.Message);
        }
    }

    private async Task<JsonObject?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await client.GetAsync(ApiResources.Leases, options.Namespace, options.LeaseName, cancellationToken);
        }
        catch (KubernetesException e) when (e.IsObjectMissing)
        {
            return null;
        }
    }

    private bool IsHeldByAnother(JsonObject held)
    {
        var holder = Text(held["spec"]?["holderIdentity"]);
        var duration = held["spec"]?["leaseDurationSeconds"] is JsonValue v && v.TryGetValue(out int seconds) ? TimeSpan.FromSeconds(seconds) : options.Duration;
        return holder.Length > 0 && holder != options.Identity && time.GetElapsedTime(seen.At) < duration;
    }

    private void Observe(JsonObject? held)
    {
        var version = Text(held?["metadata"]?["resourceVersion"]);
        if (version != seen.Version)
        {
            seen = (version, time.GetTimestamp());
        }

        var holder = Text(held?["spec"]?["holderIdentity"]);
        var annotations = held?["metadata"]?["annotations"] as JsonObject;
        var next = new LeaderRecord(holder, annotations?.ToDictionary(a => a.Key, a => Text(a.Value)) ?? []);
        if (!next.IsSameAs(leader))
        {
            leader = next;
            Changed?.Invoke();
        }
    }

    private JsonObject Filled(JsonObject from)
    {
        var filled = from.DeepClone().AsObject();
        var now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        var spec = filled["spec"] as JsonObject ?? [];
        var isNew = Text(spec["holderIdentity"]) != options.Identity;
        var transitions = spec["leaseTransitions"] is JsonValue v && v.TryGetValue(out int count) ? count : 0;
        filled["apiVersion"] = "coordination.k8s.io/v1";
        filled["kind"] = "Lease";
        var metadata = filled["metadata"] as JsonObject ?? new JsonObject { ["name"] = options.LeaseName, ["namespace"] = options.Namespace };
        var annotations = metadata["annotations"] as JsonObject ?? [];
        foreach (var (key, value) in options.Annotations)
        {
            annotations[key] = value;
        }

        metadata["annotations"] = Free(annotations);
        filled["metadata"] = Free(metadata);
        spec["holderIdentity"] = options.Identity;
        spec["leaseDurationSeconds"] = (int)options.Duration.TotalSeconds;
        spec["renewTime"] = now;
        spec["acquireTime"] = isNew ? now : spec["acquireTime"]?.DeepClone() ?? now;
        spec["leaseTransitions"] = isNew && from["spec"] is not null ? transitions + 1 : transitions;
        filled["spec"] = Free(spec);
        return filled;
    }

    private async Task ReleaseAsync()
    {
        if (lease is null)
        {
            return;
        }

        try
        {
            var released = Filled(lease);
            released["spec"]!["holderIdentity"] = "";
            released["spec"]!["leaseDurationSeconds"] = 1;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
            await client.UpdateAsync(ApiResources.Leases, options.Namespace, options.LeaseName, released, limit.Token);
        }
        catch (Exception e)
        {
            logger.LogWarning("the leader lease could not be given back, it ends by itself: {Error}", e.Message);
        }
    }

    private static JsonNode Free(JsonNode node) => node.Parent is null ? node : node.DeepClone();

    private static string Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : "";
}

/// <summary>Who leads.</summary>
/// <param name="Identity">Its name; empty when nobody does.</param>
/// <param name="Annotations">How it can be reached.</param>
public sealed record LeaderRecord(string Identity, IReadOnlyDictionary<string, string> Annotations)
{
    internal bool IsSameAs(LeaderRecord other)
        => Identity == other.Identity && Annotations.Count == other.Annotations.Count && Annotations.All(a => other.Annotations.GetValueOrDefault(a.Key) == a.Value);
}
