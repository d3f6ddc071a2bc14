using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Validation;

/// <summary>Looks whether the secrets that a resource refers to are there. What is not may come later, so it is only warned about.</summary>
internal sealed class SecretRules(IClusterResources cluster)
{
    private const string BuiltIn = "kubernetes";

    /// <summary>Checks a secret store's name.</summary>
    public void CheckStore(string @namespace, string? store, string path, Findings findings)
    {
        if (IsBuiltIn(store))
        {
            return;
        }

        if (cluster.FindComponent(@namespace, store!) is not { } component)
        {
            findings.Warn(path, $"there is no secret store component \"{store}\" in namespace {@namespace} yet; until there is, the secrets stay unresolved");
        }
        else if (!component.Spec.Type.StartsWith("secretstores.", StringComparison.Ordinal))
        {
            findings.Refuse(path, $"component \"{store}\" is a {component.Spec.Type}, not a secret store; name a component of a type secretstores.*");
        }
    }

    /// <summary>Checks pairs that may come from secrets: what is given twice, and what is not there.</summary>
    public async ValueTask CheckPairsAsync(
        string @namespace, string? store, IReadOnlyList<NameValuePair> pairs, string path, Findings findings, CancellationToken cancellationToken)
    {
        foreach (var (index, pair) in pairs.Index())
        {
            var place = Place(path, index, pair.Name);
            if (!string.IsNullOrEmpty(pair.Value) && HasReference(pair.SecretKeyRef))
            {
                findings.Warn(place, "has both value and secretKeyRef; the secret wins, leave value out");
            }
            else if (!string.IsNullOrEmpty(pair.Value) && !string.IsNullOrEmpty(pair.EnvRef))
            {
                findings.Warn(place, "has both value and envRef; value wins, leave one of them out");
            }

            await CheckAsync(@namespace, store, pair.SecretKeyRef, place + ".secretKeyRef", findings, cancellationToken);
        }
    }

    /// <summary>Checks one reference.</summary>
    public async ValueTask CheckAsync(
        string @namespace, string? store, SecretKeyRef? reference, string path, Findings findings, CancellationToken cancellationToken)
    {
        if (!HasReference(reference) || !IsBuiltIn(store))
        {
            return;
        }

        IReadOnlyCollection<string>? keys;
        try
        {
            keys = await cluster.FindSecretKeysAsync(@namespace, reference!.Name, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Nobody is kept from applying because Secrets can't be read just now.
            return;
        }

        var key = string.IsNullOrEmpty(reference.Key) ? reference.Name : reference.Key;
        if (keys is null)
        {
            findings.Warn(path, $"there is no Secret \"{reference.Name}\" in namespace {@namespace} yet");
        }
        else if (!keys.Contains(key))
        {
            findings.Warn(path, $"Secret \"{reference.Name}\" has no key \"{key}\" yet{Suggestion.For(key, keys)}");
        }
    }

    /// <summary><c>spec.metadata[2] (redisDB)</c>.</summary>
    public static string Place(string path, int index, string name, string member = "")
        => name.Length == 0 ? $"{path}[{index}]{member}" : $"{path}[{index}]{member} ({name})";

    /// <summary>Whether a secret is referred to at all.</summary>
    public static bool HasReference(SecretKeyRef? reference) => reference is { Name.Length: > 0 };

    private static bool IsBuiltIn(string? store) => string.IsNullOrEmpty(store) || store == BuiltIn;
}
