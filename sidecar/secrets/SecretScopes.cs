using System.Collections.Frozen;
using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>
/// Which secrets the app may read through the API, by the Configuration's <c>spec.secrets.scopes</c> (contract: security 4.5).
/// Secret references of resources are not bound by it.
/// </summary>
internal sealed class SecretScopes
{
    private readonly FrozenDictionary<string, Scope> byStore;

    private SecretScopes(Dictionary<string, Scope> byStore) => this.byStore = byStore.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>No scopes: everything may be read.</summary>
    public static SecretScopes None { get; } = new([]);

    /// <summary>Takes over the scopes of a Configuration.</summary>
    /// <exception cref="ResourceException">They contradict themselves; the sidecar must not start.</exception>
    public static SecretScopes Create(SecretsSpec? spec)
    {
        if (spec is not { Scopes.Count: > 0 })
        {
            return None;
        }

        var byStore = new Dictionary<string, Scope>(StringComparer.Ordinal);
        foreach (var scope in spec.Scopes)
        {
            var access = scope.DefaultAccess ?? "";
            var deny = access.Equals("deny", StringComparison.OrdinalIgnoreCase);
            if (!deny && access.Length > 0 && !access.Equals("allow", StringComparison.OrdinalIgnoreCase))
            {
                throw new ResourceException($"defaultAccess {access} can be either allow or deny");
            }

            if (!byStore.TryAdd(scope.StoreName, new Scope(ToSet(scope.AllowedSecrets), ToSet(scope.DeniedSecrets), !deny)))
            {
                throw new ResourceException($"{scope.StoreName} storeName is repeated in secrets configuration");
            }
        }

        return new SecretScopes(byStore);
    }

    /// <summary>Whether the app may read a secret of a store.</summary>
    public bool IsAllowed(string store, string secret) => !byStore.TryGetValue(store, out var scope) || scope.IsAllowed(secret);

    /// <summary>A warning for each scope whose store is not there.</summary>
    /// <param name="isLoaded">Tells whether a secret store is configured.</param>
    public IEnumerable<string> Warnings(Func<string, bool> isLoaded)
        => byStore.Keys.Where(s => !isLoaded(s))
            .Order(StringComparer.Ordinal)
            .Select(s => $"Secrets configuration added for '{s}', but no matching secret store was found");

    private static FrozenSet<string> ToSet(List<string>? names) => (names ?? []).ToFrozenSet(StringComparer.Ordinal);

    private sealed record Scope(FrozenSet<string> Allowed, FrozenSet<string> Denied, bool ByDefault)
    {
        public bool IsAllowed(string secret) => Allowed.Count > 0 ? Allowed.Contains(secret) : !Denied.Contains(secret) && ByDefault;
    }
}
