using System.Globalization;
using System.Threading.Channels;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Protos.Operator.V1;
using DaprK8s.Sidecar.Reload;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// Follows one kind of resource: its stream, a list after each time that the stream was broken, and a list now and then for what no stream
/// tells of, such as a rotated secret (contract: k8s 5.8). It never gives up.
/// </summary>
internal sealed class KindWatch(
    ServedKind served, Func<Resource, bool> isWanted, TimeSpan reconcileInterval, OperatorOutage outage, TimeProvider time, ILogger logger) : IDisposable
{
    // A list that fails is made again at the next occasion: the stream's changes must not wait for it.
    private const int ListRetries = 3;
    private const int LoadRetries = 100;
    private const double Jitter = 0.1;
    private static readonly TimeSpan SteadyAfter = TimeSpan.FromSeconds(10);

    // The operator tells when a Secret comes, but not when it can read one again that was there.
    private static readonly TimeSpan SecretRetry = TimeSpan.FromSeconds(10);

    private readonly BackOff pause = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60));
    private readonly Dictionary<string, (string Uid, ulong Version)> seen = new(StringComparer.Ordinal);
    private ChangeStream? opened;
    private bool isStreamless;
    private long listedAt = time.GetTimestamp();
    private long reconciledAt = time.GetTimestamp();
    private TimeSpan reconcileAfter = NextInterval(reconcileInterval);
    private bool lacksSecrets;

    /// <summary>The kind.</summary>
    public string Kind => served.Kind;

    /// <summary>Resources that are had without the operator, and so are in none of its lists.</summary>
    public Func<IReadOnlyList<Resource>, IReadOnlyList<Resource>> Complete { get; init; } = static all => all;

    /// <summary>Opens the stream ahead of the first list, so that no change falls between them.</summary>
    public void Open(CancellationToken cancellationToken) => opened = served.Watch(cancellationToken);

    /// <summary>Lists, with all the patience of a start.</summary>
    /// <exception cref="RpcException">The operator refused.</exception>
    public async Task<IReadOnlyList<Resource>> LoadAsync(CancellationToken cancellationToken) => Read(await served.ListAsync(LoadRetries, cancellationToken));

    /// <summary>Tells of changes until the token ends.</summary>
    public async Task RunAsync(ChannelWriter<SourceEvent> events, CancellationToken cancellationToken)
    {
        var isFirst = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                using var stream = isStreamless ? null : Interlocked.Exchange(ref opened, null) ?? served.Watch(cancellationToken);
                await FollowAsync(stream, isFirst, events, cancellationToken);
                logger.LogDebug("The operator ended the stream of {Kind} resources", Kind);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                logger.LogWarning("The operator has no stream of {Kind} resources: their changes are found by asking, every {Seconds} s", Kind, reconcileInterval.TotalSeconds);
                isStreamless = true;
                continue;
            }
            catch (RpcException e)
            {
                outage.Begin(Kind, e.Status.Detail.Length > 0 ? $"{e.StatusCode}: {e.Status.Detail}" : e.StatusCode.ToString());
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LogError(e, "Following {Kind} resources failed; trying again", Kind);
            }

            isFirst = false;
            if (time.GetElapsedTime(began) >= SteadyAfter)
            {
                pause.Reset();
            }

            await Task.Delay(pause.Next(), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => opened?.Dispose();

    private TimeSpan LeftToReconcile => reconcileAfter - time.GetElapsedTime(reconciledAt);

    private async Task FollowAsync(ChangeStream? stream, bool isFirst, ChannelWriter<SourceEvent> events, CancellationToken cancellationToken)
    {
        if (!isFirst)
        {
            await (stream?.WaitUntilOpenAsync(time, cancellationToken) ?? Task.CompletedTask);
            await ListAsync(isReconcile: stream is null, events, cancellationToken);
            outage.End(Kind);
        }

        Task<(ByteString Document, ResourceEventType Type)?>? next = null;
        while (true)
        {
            next ??= stream?.NextAsync();
            if (await IsReconcileDueAsync(next, cancellationToken))
            {
                // Between two changes, so that a list is never told after a change that it does not hold yet.
                await ListAsync(isReconcile: LeftToReconcile <= TimeSpan.Zero, events, cancellationToken);
                continue;
            }

            if (await next! is not var (document, type))
            {
                return;
            }

            next = null;
            pause.Reset();
            await TellAsync(document, type, events, cancellationToken);
        }
    }

    private async Task<bool> IsReconcileDueAsync(Task? next, CancellationToken cancellationToken)
    {
        while (next?.IsCompleted != true)
        {
            var left = lacksSecrets ? Shorter(LeftToReconcile, SecretRetry - time.GetElapsedTime(listedAt)) : LeftToReconcile;
            if (left <= TimeSpan.Zero)
            {
                return true;
            }

            using var woken = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var timer = Task.Delay(left, time, woken.Token);
            await (next is null ? timer : Task.WhenAny(next, timer));
            await woken.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }

        return false;
    }

    private async Task ListAsync(bool isReconcile, ChannelWriter<SourceEvent> events, CancellationToken cancellationToken)
    {
        listedAt = time.GetTimestamp();
        if (isReconcile || !lacksSecrets)
        {
            reconciledAt = listedAt;
            reconcileAfter = NextInterval(reconcileInterval);
        }

        try
        {
            var all = Read(await served.ListAsync(ListRetries, cancellationToken));
            if (Kind != ResourceKinds.Configuration)
            {
                await events.WriteAsync(new KindListed(Kind, Complete(all)) { IsReconcile = isReconcile }, cancellationToken);
            }
            else if (all is [var configuration])
            {
                await events.WriteAsync(new ResourceApplied(configuration), cancellationToken);
            }
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            logger.LogDebug("The operator has no list of {Kind} resources", Kind);
        }
        catch (RpcException e) when (e.StatusCode != StatusCode.Unavailable)
        {
            logger.LogWarning("Listing {Kind} resources failed, what is loaded stays in use: {Problem}", Kind, e.Status.Detail);
        }
    }

    private async Task TellAsync(ByteString document, ResourceEventType type, ChannelWriter<SourceEvent> events, CancellationToken cancellationToken)
    {
        Resource resource;
        try
        {
            resource = ResourceDocument.Parse(Kind, document);
        }
        catch (ResourceException e)
        {
            logger.LogError("A change is passed over: {Problem}", e.Message);
            return;
        }

        if (!isWanted(resource) || IsOutOfDate(resource, type))
        {
            return;
        }

        switch (type)
        {
            case ResourceEventType.Created or ResourceEventType.Updated:
                Note(resource);
                lacksSecrets |= resource.SecretProblem is not null;
                await events.WriteAsync(new ResourceApplied(resource), cancellationToken);
                break;
            case ResourceEventType.Deleted:
                seen.Remove(resource.Name);
                await events.WriteAsync(new ResourceDeleted(Kind, resource.Name), cancellationToken);
                break;
            default:
                logger.LogWarning("A change of {Kind} {Name} is passed over: its type {Type} is not known", Kind, resource.Name, (int)type);
                break;
        }
    }

    private List<Resource> Read(IReadOnlyList<ByteString> documents)
    {
        List<Resource> all = [];
        seen.Clear();
        foreach (var document in documents)
        {
            try
            {
                var resource = ResourceDocument.Parse(Kind, document);
                if (isWanted(resource))
                {
                    Note(resource);
                    all.Add(resource);
                }
            }
            catch (ResourceException e)
            {
                logger.LogError("A resource is left out: {Problem}", e.Message);
            }
        }

        lacksSecrets = all.Exists(r => r.SecretProblem is not null);
        return all;
    }

    private void Note(Resource resource) => seen[resource.Name] = (resource.Metadata.Uid ?? "", Version(resource));

    // A list may be ahead of changes that are still on their way.
    private bool IsOutOfDate(Resource resource, ResourceEventType type)
    {
        if (!seen.TryGetValue(resource.Name, out var known) || known.Uid.Length == 0 || resource.Metadata.Uid is not { Length: > 0 } uid)
        {
            return false;
        }

        var version = Version(resource);
        return type == ResourceEventType.Deleted ? uid != known.Uid : uid == known.Uid && version > 0 && version < known.Version;
    }

    private static ulong Version(Resource resource)
        => ulong.TryParse(resource.Metadata.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan NextInterval(TimeSpan interval) => interval * (1 - Jitter + (2 * Jitter * Random.Shared.NextDouble()));
}
