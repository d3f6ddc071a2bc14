using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>The secrets building block of both surfaces (contract: api 1.12, operations 6.4).</summary>
internal sealed class SecretsBlock(ComponentRegistry registry, ComponentRoad road, Live<SecretScopes> scopes)
{
    /// <summary>Reads a secret as key to value.</summary>
    public async ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string store, string secret, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var component = Find(store);
        if (!scopes.Value.IsAllowed(store, secret))
        {
            throw SecretErrors.Denied(secret, store).ToException();
        }

        using var use = await OpenAsync(component, cancellationToken);
        try
        {
            return await road.CallAsync(
                use.Component, "get", (instance: use.Instance, secret, metadata), static (s, ct) => s.instance.GetAsync(s.secret, s.metadata, ct), cancellationToken);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw SecretErrors.Get(secret, store, e).ToException(e);
        }
    }

    /// <summary>Reads every secret that the app may read.</summary>
    public async ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        string store, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var component = Find(store);
        using var use = await OpenAsync(component, cancellationToken);
        try
        {
            var all = await road.CallAsync(
                use.Component, "bulk_get", (instance: use.Instance, metadata), static (s, ct) => s.instance.BulkGetAsync(s.metadata, ct), cancellationToken);
            var allowed = scopes.Value;
            return all.Where(s => allowed.IsAllowed(store, s.Key)).ToDictionary(StringComparer.Ordinal);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            throw SecretErrors.BulkGet(store, e).ToException(e);
        }
    }

    private ComponentHandle Find(string store)
        => registry.Find(ComponentKind.SecretStore, store)
            ?? throw (registry.HasAny(ComponentKind.SecretStore) ? SecretErrors.NotFound(store) : SecretErrors.NotConfigured()).ToException();

    private static async ValueTask<ComponentUse<ISecretStore>> OpenAsync(ComponentHandle component, CancellationToken cancellationToken)
    {
        try
        {
            return await component.UseAsync<ISecretStore>(cancellationToken);
        }
        catch (ComponentNotReadyException e)
        {
            throw SecretErrors.NotReady(e.Message).ToException(e);
        }
    }

    /// <summary>Everything is the call's failure but the caller's going away.</summary>
    private static bool IsFailure(Exception e, CancellationToken cancellationToken)
        => e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;
}
