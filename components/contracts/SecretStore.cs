namespace DaprK8s.Components;

/// <summary>A source of secrets. Values never reach a log, an error or a metric.</summary>
public interface ISecretStore : IComponent
{
    /// <summary>A secret may hold several keys (<c>MULTIPLE_KEY_VALUES_PER_SECRET</c>).</summary>
    bool HasMultipleValuesPerSecret { get; }

    /// <summary>Reads a secret as key to value; stores with one value a secret use its name as the key.</summary>
    /// <exception cref="SecretNotFoundException">There is no such secret.</exception>
    ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken);

    /// <summary>Reads all secrets.</summary>
    ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken);
}

/// <summary>There is no secret of that name.</summary>
public sealed class SecretNotFoundException(string name) : Exception($"secret {name} not found");
