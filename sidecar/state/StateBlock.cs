using System.Runtime.CompilerServices;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.State;

/// <summary>
/// The state building block of both surfaces: key prefixes, options, limits and errors around the configured state stores
/// (contract: api 1.9, operations 6.3). A request opens its store first and then makes one call.
/// </summary>
internal sealed class StateBlock(ComponentRegistry registry, ComponentRoad road, SidecarInfo self)
{
    private static readonly string[] EncryptionFields = ["primaryEncryptionKey", "secondaryEncryptionKey"];

    private readonly ConditionalWeakTable<ComponentHandle, KeyPrefix> prefixes = [];

    /// <summary>
    /// Why a state component must not start, or <see langword="null"/>: the text belongs into its initialisation error.
    /// </summary>
    /// <param name="component">The resource; its secret references count even when they did not resolve.</param>
    /// <param name="metadata">Its resolved metadata.</param>
    /// <param name="self">This sidecar.</param>
    public static string? CheckMetadata(Component component, ComponentMetadata metadata, SidecarInfo self)
    {
        foreach (var field in EncryptionFields)
        {
            // Storing in the clear what was meant to be encrypted would be worse than not starting.
            if (metadata.Items.ContainsKey(field)
                || component.Spec.Metadata?.Exists(i => i.Name.Equals(field, StringComparison.OrdinalIgnoreCase)) == true)
            {
                return $"metadata field \"{field}\": state encryption is not available in this version";
            }
        }

        try
        {
            KeyPrefix.Of(metadata.Items.GetValueOrDefault(KeyPrefix.Field), component.Name, self);
            return null;
        }
        catch (FormatException e)
        {
            return $"failed to save lock keyprefix: {e.Message}";
        }
    }

    /// <summary>
    /// Settles a component's key prefix from its resolved metadata. Call it before the component is ready; without it the
    /// prefix is taken from the resource as it stands.
    /// </summary>
    public void Prepare(ComponentHandle component, ComponentMetadata metadata)
        => prefixes.AddOrUpdate(component, KeyPrefix.Of(metadata.Items.GetValueOrDefault(KeyPrefix.Field), component.Name, self));

    /// <summary>Finds the store of a request and waits while it is starting. Dispose the target when the request is over.</summary>
    public async ValueTask<StateTarget> OpenAsync(string store, CancellationToken cancellationToken)
    {
        var component = registry.Find(ComponentKind.State, store);
        if (component is null)
        {
            throw (registry.HasAny(ComponentKind.State) ? StateErrors.NotFound(store, self.AppId) : StateErrors.NotConfigured(store, self.AppId))
                .ToException();
        }

        try
        {
            var use = await component.UseAsync<IStateStore>(cancellationToken);
            return new StateTarget(use, PrefixOf(use.Component));
        }
        catch (ComponentNotReadyException e)
        {
            throw StateErrors.NotReady(e.Message, self.AppId).ToException(e);
        }
    }

    /// <summary>Refuses a key that could reach behind another app's prefix.</summary>
    public static void RefuseIllegalKey(StateTarget target, string key)
    {
        if (KeyPrefix.IsIllegal(key))
        {
            throw StateErrors.IllegalKey(key, target.Name).ToException();
        }
    }

    /// <summary>Reads an item; a missing one has an empty value.</summary>
    public async ValueTask<StateItem> GetAsync(
        StateTarget target,
        string key,
        StateConsistency consistency,
        IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellationToken)
    {
        var request = new StateGet(Stored(target, key)) { Consistency = consistency, Metadata = metadata };
        try
        {
            return await road.CallAsync(
                target.Component, "get", (target.Store, request), static (s, ct) => s.Store.GetAsync(s.request, ct), cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.Get(key, target.Name, e).ToException(e);
        }
    }

    /// <summary>Reads several items; the entries carry the callers' keys, in the store's order.</summary>
    public async ValueTask<IReadOnlyList<BulkGetEntry>> BulkGetAsync(
        StateTarget target,
        IReadOnlyList<string> keys,
        int parallelism,
        IReadOnlyDictionary<string, string> metadata,
        CancellationToken cancellationToken)
    {
        if (keys.Count == 0)
        {
            return [];
        }

        var requests = new StateGet[keys.Count];
        for (var i = 0; i < requests.Length; i++)
        {
            requests[i] = new StateGet(Stored(target, keys[i])) { Metadata = metadata };
        }

        try
        {
            var entries = await road.CallAsync(
                target.Component,
                "bulk_get",
                (target.Store, requests, parallelism),
                static (s, ct) => s.Store.BulkGetAsync(s.requests, s.parallelism, ct),
                cancellationToken);
            return [.. entries.Select(e => e with { Key = target.Prefix.Original(e.Key) })];
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.BulkGet(e).ToException(e);
        }
    }

    /// <summary>Writes items; several are written independently of each other.</summary>
    public async ValueTask SaveAsync(StateTarget target, IReadOnlyList<StateChange> changes, CancellationToken cancellationToken)
    {
        if (changes.Count == 0)
        {
            return;
        }

        RefuseIllegalKeys(target, changes);
        try
        {
            var sets = new StateSet[changes.Count];
            for (var i = 0; i < sets.Length; i++)
            {
                sets[i] = ToSet(target, changes[i]);
            }

            await WriteAsync(target, "set", sets, target.Store.SetAsync, target.Store.BulkSetAsync, cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.Save(target.Name, e).ToException(e);
        }
    }

    /// <summary>Deletes an item; a missing one is no error.</summary>
    public async ValueTask DeleteAsync(StateTarget target, StateChange change, CancellationToken cancellationToken)
    {
        RefuseIllegalKey(target, change.Key);
        try
        {
            await WriteAsync(target, "delete", [ToDelete(target, change)], target.Store.DeleteAsync, target.Store.BulkDeleteAsync, cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.Delete(change.Key, e).ToException(e);
        }
    }

    /// <summary>Deletes items independently of each other.</summary>
    public async ValueTask BulkDeleteAsync(StateTarget target, IReadOnlyList<StateChange> changes, CancellationToken cancellationToken)
    {
        if (changes.Count == 0)
        {
            return;
        }

        RefuseIllegalKeys(target, changes);
        try
        {
            var deletes = new StateDelete[changes.Count];
            for (var i = 0; i < deletes.Length; i++)
            {
                deletes[i] = ToDelete(target, changes[i]);
            }

            await WriteAsync(target, "bulk_delete", deletes, target.Store.DeleteAsync, target.Store.BulkDeleteAsync, cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.BulkDelete(target.Name, e).ToException(e);
        }
    }

    /// <summary>The store as one that has transactions.</summary>
    public static ITransactionalStateStore Transactional(StateTarget target)
        => target.Store is ITransactionalStateStore store && store.Features.HasFlag(StateFeatures.Transactional)
            ? store
            : throw StateErrors.TransactionsNotSupported(target.Name).ToException();

    /// <summary>Applies steps in order, all or none.</summary>
    public async ValueTask TransactAsync(
        StateTarget target, IReadOnlyList<TransactionStep> steps, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var store = Transactional(target);
        foreach (var step in steps)
        {
            RefuseIllegalKey(target, step.Change.Key);
            if (step.Operation is not (TransactionStep.Upsert or TransactionStep.Delete))
            {
                throw StateErrors.OperationNotSupported(step.Operation).ToException();
            }
        }

        if (store.MaxTransactionOperations is > 0 and var limit && steps.Count > limit)
        {
            throw StateErrors.TooManyOperations(target.Name, steps.Count, limit).ToException();
        }

        try
        {
            var operations = new StateOperation[steps.Count];
            for (var i = 0; i < operations.Length; i++)
            {
                operations[i] = steps[i].Operation == TransactionStep.Upsert
                    ? ToSet(target, steps[i].Change)
                    : ToDelete(target, steps[i].Change);
            }

            await road.CallAsync(
                target.Component,
                "transaction",
                (store, operations, metadata),
                static (s, ct) => WriteAttempt.RunAsync(static (s, ct) => s.store.TransactAsync(s.operations, s.metadata, ct), s, ct),
                cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw StateErrors.Transaction(e).ToException(e);
        }
    }

    /// <summary>The query API, which no store of this build offers.</summary>
    public async ValueTask QueryAsync(string store, CancellationToken cancellationToken)
    {
        using var target = await OpenAsync(store, cancellationToken);
        throw StateErrors.QueryNotSupported(store).ToException();
    }

    private async ValueTask WriteAsync<TOperation>(
        StateTarget target,
        string metric,
        TOperation[] operations,
        Func<TOperation, CancellationToken, ValueTask> single,
        Func<IReadOnlyList<TOperation>, CancellationToken, ValueTask> bulk,
        CancellationToken cancellationToken)
        where TOperation : StateOperation
    {
        if (operations.Length == 1)
        {
            await road.CallAsync(
                target.Component,
                metric,
                (single, operation: operations[0]),
                static (s, ct) => WriteAttempt.RunAsync(static (s, ct) => s.single(s.operation, ct), s, ct),
                cancellationToken);
        }
        else
        {
            await road.CallAsync(
                target.Component, metric, new WriteAttempts<TOperation>(operations, bulk), static (a, ct) => a.RunAsync(ct), cancellationToken);
        }
    }

    private static string Stored(StateTarget target, string key)
    {
        RefuseIllegalKey(target, key);
        return target.Prefix.Stored(key);
    }

    private static void RefuseIllegalKeys(StateTarget target, IReadOnlyList<StateChange> changes)
    {
        for (var i = 0; i < changes.Count; i++)
        {
            RefuseIllegalKey(target, changes[i].Key);
        }
    }

    // A value transform (encryption at rest) belongs here on the way in, and in GetAsync and BulkGetAsync on the way out.
    private static StateSet ToSet(StateTarget target, StateChange change)
        => new(target.Prefix.Stored(change.Key), change.Value)
        {
            ETag = change.ETag,
            Metadata = change.Metadata,
            Concurrency = StateOptions.Concurrency(change.Concurrency),
            Consistency = StateOptions.Consistency(change.Consistency),
        };

    private static StateDelete ToDelete(StateTarget target, StateChange change)
        => new(target.Prefix.Stored(change.Key))
        {
            ETag = change.ETag,
            Metadata = change.Metadata,
            Concurrency = StateOptions.Concurrency(change.Concurrency),
            Consistency = StateOptions.Consistency(change.Consistency),
        };

    private KeyPrefix PrefixOf(ComponentHandle component)
        => prefixes.TryGetValue(component, out var prefix) ? prefix : prefixes.GetValue(component, PrefixOfResource);

    private KeyPrefix PrefixOfResource(ComponentHandle component)
    {
        var item = component.Resource.Spec.Metadata?.Find(i => i.Name.Equals(KeyPrefix.Field, StringComparison.OrdinalIgnoreCase));
        return KeyPrefix.Of(item?.Value, component.Name, self);
    }

    /// <summary>Everything is the call's failure but the caller's going away.</summary>
    private static bool IsFailure(Exception e, CancellationToken cancellationToken)
        => e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;
}
