using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.Secrets;

/// <summary>A secret store whose content a test sets; it records what is asked.</summary>
internal sealed class ScriptedSecretStore : ISecretStore
{
    public Dictionary<string, IReadOnlyDictionary<string, string>> Content { get; } = [];

    public List<(string Name, IReadOnlyDictionary<string, string> Metadata)> Asked { get; } = [];

    public Exception? Failure { get; set; }

    public bool HasMultipleValuesPerSecret => true;

    public ScriptedSecretStore With(string name, params (string Key, string Value)[] values)
    {
        Content[name] = values.ToDictionary(v => v.Key, v => v.Value);
        return this;
    }

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        Asked.Add((name, metadata));
        return Failure is not null ? throw Failure
            : Content.TryGetValue(name, out var secret) ? ValueTask.FromResult(secret)
            : throw new SecretNotFoundException(name);
    }

    public ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        Asked.Add(("*", metadata));
        return Failure is not null ? throw Failure : ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>>(Content);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
