using System.Collections;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.SecretStores.LocalEnv;

/// <summary>
/// Secrets from the environment variables of this process (contract: components 6.3). The sidecar's own variables stay
/// closed to apps.
/// </summary>
internal sealed class LocalEnvironmentSecretStore : ISecretStore
{
    private static readonly MetadataField<string> Prefix = Field.Text("prefix", "What the names of the variables start with; left out of the names of the secrets.");

    private string prefix = "";
    private string logName = "";
    private ILogger? logger;

    public bool HasMultipleValuesPerSecret => false;

    public static ProviderDescriptor Describe()
        => new("Reads secrets from environment variables.", [Prefix], () => new LocalEnvironmentSecretStore());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        prefix = context.Metadata.Get(Prefix);
        logName = context.LogName;
        logger = context.Logger;
        return Task.CompletedTask;
    }

    public ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var variable = prefix + name;
        var allowed = IsAllowed(variable);
        if (!allowed)
        {
            logger?.LogWarning("{Component}: access to the environment variable {Variable} is not allowed", logName, variable);
        }

        // A variable that isn't there is an empty secret, not an error.
        var value = allowed && variable.Length > 0 ? Environment.GetEnvironmentVariable(variable) ?? "" : "";
        return ValueTask.FromResult<IReadOnlyDictionary<string, string>>(new Dictionary<string, string>(1, StringComparer.Ordinal) { [name] = value });
    }

    public ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        var all = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            var variable = (string)entry.Key;
            if (variable.Length > prefix.Length && variable.StartsWith(prefix, StringComparison.Ordinal) && IsAllowed(variable))
            {
                var name = variable[prefix.Length..];
                all[name] = new Dictionary<string, string>(1, StringComparer.Ordinal) { [name] = (string?)entry.Value ?? "" };
            }
        }

        return ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>>(all);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // The environment is looked up by C strings: what follows a NUL would be judged here and not be looked at there.
    private static bool IsAllowed(string variable)
        => !variable.Contains('\0')
            && !variable.Equals("APP_API_TOKEN", StringComparison.OrdinalIgnoreCase)
            && !variable.StartsWith("DAPR_", StringComparison.OrdinalIgnoreCase);
}
