using System.Globalization;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.State.Redis;

/// <summary>
/// Keeps state in Redis, one hash a key (contract: components 3.8), readable and writable by Dapr's own store. A transaction
/// is all or nothing here, which it is not there; in a cluster all of its keys must be in one slot.
/// </summary>
internal sealed class RedisStateStore : ITransactionalStateStore, IKeyListingStateStore
{
    private static readonly TimeSpan ReplicasWait = TimeSpan.FromSeconds(1);

    private static readonly MetadataField<long> DefaultTtl = Field.Number(
        "ttlInSeconds", "The time to live of items whose request names none; 0 or less makes them permanent.",
        0, int.MinValue, int.MaxValue, hasDefault: false);

    private readonly SemaphoreSlim strongGate = new(1, 1);
    private ComponentContext? context;
    private RedisClient? client;
    private RedisClient? strongClient;
    private int replicas;
    private bool isCluster;
    private long? defaultTtl;

    /// <inheritdoc/>
    public StateFeatures Features => StateFeatures.ETag | StateFeatures.Transactional | StateFeatures.Ttl | StateFeatures.KeyListing;

    private RedisClient Client => client ?? throw new InvalidOperationException("the state store is not initialised");

    /// <summary>The provider.</summary>
    public static ProviderDescriptor Describe()
        => new("Redis, one hash for each item.", [.. RedisProfile.State.Fields, DefaultTtl], () => new RedisStateStore());

    /// <inheritdoc/>
    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        this.context = context;
        var settings = RedisProfile.State.Read(context.Metadata);
        defaultTtl = context.Metadata.Has(DefaultTtl) ? context.Metadata.Get(DefaultTtl) : null;
        client = await RedisClient.ConnectAsync(settings, RedisProfile.State.Title, context, cancellationToken);
        isCluster = client.IsCluster;
        replicas = await CountReplicasAsync(client, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<StateItem> GetAsync(StateGet request, CancellationToken cancellationToken)
    {
        RequireKey(request.Key, "get");
        try
        {
            return await ReadAsync(request.Key, cancellationToken);
        }
        catch (Exception e) when (IsRedisFailure(e))
        {
            throw Failure($"failed to get key {request.Key}", e);
        }
    }

    /// <summary>Sends all reads at once; they share the connection, so that a limit on how many run side by side is of no use.</summary>
    public async ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(
        IReadOnlyList<StateGet> requests, int parallelism, CancellationToken cancellationToken)
    {
        var reads = new Task<StateItem>[requests.Count];
        for (var i = 0; i < reads.Length; i++)
        {
            reads[i] = GetAsync(requests[i], cancellationToken).AsTask();
        }

        var entries = new BulkGetEntry[reads.Length];
        for (var i = 0; i < reads.Length; i++)
        {
            try
            {
                entries[i] = new BulkGetEntry(requests[i].Key, await reads[i], null);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                entries[i] = new BulkGetEntry(requests[i].Key, default, e.Message);
            }
        }

        return entries;
    }

    /// <inheritdoc/>
    public ValueTask SetAsync(StateSet request, CancellationToken cancellationToken)
    {
        RequireKey(request.Key, "set");
        return ApplyAsync(RedisStateWrite.Of([request], inTransaction: false, defaultTtl), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(StateDelete request, CancellationToken cancellationToken)
    {
        RequireKey(request.Key, "delete");
        return ApplyAsync(RedisStateWrite.Of([request], inTransaction: false, defaultTtl), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask TransactAsync(
        IReadOnlyList<StateOperation> operations, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        if (operations.Count == 0)
        {
            return ValueTask.CompletedTask;
        }

        foreach (var operation in operations)
        {
            RequireKey(operation.Key, "transaction");
        }

        RequireOneSlot(operations);
        return ApplyAsync(RedisStateWrite.Of(operations, inTransaction: true, defaultTtl), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<KeyPage> ListKeysAsync(string prefix, int pageSize, string? continuation, CancellationToken cancellationToken)
    {
        try
        {
            return await RedisKeyListing.ListAsync(Client, prefix, pageSize, continuation, cancellationToken);
        }
        catch (Exception e) when (IsRedisFailure(e))
        {
            throw Failure("failed to list keys", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var open in new[] { client, strongClient })
        {
            if (open is not null)
            {
                await open.DisposeAsync();
            }
        }

        strongGate.Dispose();
    }

    private static bool IsRedisFailure(Exception e) => e is RedisException or RedisTimeoutException or RedisCommandException;

    private static void RequireKey(string key, string operation)
    {
        if (key.Length == 0)
        {
            throw new ArgumentException($"missing key in {operation} operation");
        }
    }

    private static async Task<int> CountReplicasAsync(RedisClient client, CancellationToken cancellationToken)
    {
        const string label = "connected_slaves:";
        RedisResult info;
        try
        {
            info = await client.ReadAsync(0, static (db, _) => db.ExecuteAsync("INFO", "replication"), cancellationToken);
        }
        catch (Exception e) when (IsRedisFailure(e))
        {
            throw new IOException($"{RedisProfile.State.Title}: INFO replication failed: {client.Explain(e)}", e);
        }

        foreach (var line in ((string?)info ?? "").AsSpan().EnumerateLines())
        {
            if (line.StartsWith(label, StringComparison.Ordinal)
                && int.TryParse(line[label.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                return count;
            }
        }

        return 0;
    }

    private async ValueTask<StateItem> ReadAsync(string key, CancellationToken cancellationToken)
    {
        HashEntry[] fields;
        try
        {
            fields = await Client.ReadAsync(key, static (db, k) => db.HashGetAllAsync(k), cancellationToken);
        }
        catch (RedisServerException e) when (e.Says("WRONGTYPE"))
        {
            // Very old versions of Dapr stored plain strings.
            var text = await Client.ReadAsync(key, static (db, k) => db.StringGetAsync(k), cancellationToken);
            return new StateItem(text, null);
        }

        if (fields.Length == 0)
        {
            return default;
        }

        RedisValue data = default, version = default;
        foreach (var field in fields)
        {
            if (field.Name == "data")
            {
                data = field.Value;
            }
            else if (field.Name == "version")
            {
                version = field.Value;
            }
        }

        return data.IsNull || version.IsNull
            ? throw new InvalidDataException($"key {key}: required hash field 'data' or 'version' was not found")
            : new StateItem(data, version);
    }

    private async ValueTask ApplyAsync(RedisStateWrite write, CancellationToken cancellationToken)
    {
        var waitForReplicas = write.IsStrong && replicas > 0;
        var target = waitForReplicas ? await StrongClientAsync(cancellationToken) : Client;
        long refused;
        try
        {
            refused = (long)await target.WriteAsync(
                write, static (db, w) => db.ScriptEvaluateAsync(RedisStateScript.Text, w.Keys, w.Arguments), cancellationToken);
        }
        catch (Exception e) when (IsRedisFailure(e))
        {
            throw Failure(write.Attempt, e);
        }

        if (refused != RedisStateScript.Applied)
        {
            throw write.Refusal(refused);
        }

        if (waitForReplicas)
        {
            await WaitForReplicasAsync(target, write.Keys[0]);
        }
    }

    // WAIT stops its connection until the replicas have answered, so that strong writes have a connection of their own.
    private async ValueTask<RedisClient> StrongClientAsync(CancellationToken cancellationToken)
    {
        if (strongClient is not null)
        {
            return strongClient;
        }

        await strongGate.WaitAsync(cancellationToken);
        try
        {
            return strongClient ??= await Client.OpenAnotherAsync(
                Client.Settings.AnswerTimeout < TimeSpan.Zero ? Timeout.InfiniteTimeSpan : Client.Settings.AnswerTimeout + ReplicasWait,
                cancellationToken);
        }
        finally
        {
            strongGate.Release();
        }
    }

    private async ValueTask WaitForReplicasAsync(RedisClient target, RedisKey key)
    {
        try
        {
            var reached = (long)await target.ServerOf(key).ExecuteAsync("WAIT", replicas, (long)ReplicasWait.TotalMilliseconds);
            if (reached < replicas)
            {
                context!.Logger.LogDebug(
                    "{Component}: only {Reached} of {Replicas} replicas acknowledged a write in time", context.LogName, reached, replicas);
            }
        }
        catch (Exception e) when (IsRedisFailure(e))
        {
            throw Failure($"redis waiting for {replicas} replicas to acknowledge write, err", e);
        }
    }

    private void RequireOneSlot(IReadOnlyList<StateOperation> operations)
    {
        if (operations.Count == 1 || !isCluster)
        {
            return;
        }

        var slot = Client.SlotOf(operations[0].Key);
        foreach (var operation in operations)
        {
            if (Client.SlotOf(operation.Key) != slot)
            {
                throw new InvalidOperationException(
                    "all keys of a transaction must be in one slot of the redis cluster (give them a common hash tag in braces): "
                    + $"{operations[0].Key} and {operation.Key} are not");
            }
        }
    }

    private Exception Failure(string what, Exception e)
        => e is RedisServerException
            ? new InvalidOperationException($"{what}: {e.Message}", e)
            : new IOException($"{what}: {RedisProfile.State.Title}: {Client.Explain(e)}", e);
}
