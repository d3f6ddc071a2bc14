using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Resources;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Api;

/// <summary>The open update streams (contract: k8s 2.9).</summary>
internal sealed class UpdateStreams(SecretInlining secrets, ILogger logger)
{
    private readonly Lock gate = new();
    private readonly HashSet<ResourceWatcher> open = [];
    private bool isClosed;

    /// <summary>How many streams are open.</summary>
    public int Count
    {
        get
        {
            lock (gate)
            {
                return open.Count;
            }
        }
    }

    /// <summary>Ends all streams and refuses new ones: the operator shuts down.</summary>
    public void Close()
    {
        lock (gate)
        {
            isClosed = true;
            foreach (var watcher in open)
            {
                watcher.Close();
            }
        }
    }

    /// <summary>Serves a stream until the caller leaves, the operator shuts down, or something can't be sent.</summary>
    /// <param name="feed">The kind.</param>
    /// <param name="namespace">The caller's namespace.</param>
    /// <param name="isFor">Whether the caller may see a resource.</param>
    /// <param name="make">Makes the event.</param>
    /// <param name="writer">Takes the events.</param>
    /// <param name="context">The call.</param>
    public async Task ServeAsync<TEvent>(
        ResourceFeed feed,
        string @namespace,
        Func<WatchedResource, bool> isFor,
        Func<ByteString, ResourceEventType, TEvent> make,
        IServerStreamWriter<TEvent> writer,
        ServerCallContext context)
    {
        var watcher = new ResourceWatcher(isFor);
        Open(watcher);
        feed.Add(@namespace, watcher);

        // A Configuration is asked for alone, and nobody should run without a part of it.
        var tells = feed.Kind != ResourceKind.Configuration && Caller.TakesSecretProblems(context);
        try
        {
            // Whoever lists after it sees the headers misses nothing.
            await context.WriteResponseHeadersAsync([]);
            while (await watcher.NextAsync(context.CancellationToken) is { } change)
            {
                if (await EventOfAsync(watcher, change, tells, context.CancellationToken) is not var (type, document))
                {
                    continue;
                }

                await writer.WriteAsync(make(UnsafeByteOperations.UnsafeWrap(document), type), context.CancellationToken);
            }
        }
        catch (SecretException e)
        {
            // The caller comes back, lists, and is then told what is wrong.
            logger.LogWarning("a stream of {Kind} in namespace {Namespace} is ended: {Error}", feed.Kind.Name, @namespace, e.Message);
        }
        finally
        {
            feed.Remove(@namespace, watcher);
            lock (gate)
            {
                open.Remove(watcher);
            }
        }
    }

    private void Open(ResourceWatcher watcher)
    {
        lock (gate)
        {
            if (isClosed)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "operator is shutting down"));
            }

            open.Add(watcher);
        }
    }

    private async ValueTask<(ResourceEventType Type, byte[] Document)?> EventOfAsync(
        ResourceWatcher watcher, ResourceChange<WatchedResource> change, bool tells, CancellationToken cancellationToken)
        => (watcher.IsFor(change.Before), watcher.IsFor(change.After)) switch
        {
            (false, true) => (ResourceEventType.Created, await ResolveAsync(change.After!, tells, cancellationToken)),
            (true, true) => (ResourceEventType.Updated, await ResolveAsync(change.After!, tells, cancellationToken)),

            // What goes needs no secrets any more; they may be gone as well.
            (true, false) => (ResourceEventType.Deleted, change.Before!.Resolved?.Json ?? change.Before.Json),
            (false, false) => null,
        };

    private ValueTask<byte[]> ResolveAsync(WatchedResource resource, bool tells, CancellationToken cancellationToken)
        => tells ? secrets.ResolveOrTellAsync(resource, cancellationToken) : secrets.ResolveAsync(resource, cancellationToken);
}
