using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Sidecar.Tests.Reload;

/// <summary>Providers whose instances do what the test says, and remember what was done to them.</summary>
internal sealed class ScriptedComponents
{
    public ConcurrentQueue<ScriptedComponent> Made { get; } = new();

    /// <summary>What an initialisation does; by default it succeeds.</summary>
    public Func<ComponentContext, CancellationToken, Task> OnInit { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>What secret stores hold.</summary>
    public ConcurrentDictionary<string, string> Secrets { get; } = new();

    /// <summary>Finds <c>state.scripted</c>, <c>pubsub.scripted</c> and <c>secretstores.scripted</c>.</summary>
    public bool TryFind(string type, string version, [NotNullWhen(true)] out ProviderEntry? entry)
    {
        entry = type switch
        {
            "state.scripted" => Entry(ComponentKind.State, type),
            "middleware.http.scripted" => Entry(ComponentKind.Middleware, type),
            "secretstores.scripted" => Entry(ComponentKind.SecretStore, type),
            _ => null,
        };
        return entry is not null;
    }

    private ProviderEntry Entry(ComponentKind kind, string type)
        => new(kind, [type], ["v1"], () => new ProviderDescriptor("For tests.", [], () =>
        {
            var made = new ScriptedComponent(this);
            Made.Enqueue(made);
            return made;
        }));
}

/// <summary>A state store and secret store that only knows whether it is open.</summary>
internal sealed class ScriptedComponent(ScriptedComponents owner) : ISecretStore
{
    private volatile bool isDisposed;

    public ComponentMetadata? Metadata { get; private set; }

    public bool IsInitialised { get; private set; }

    public bool IsDisposed => isDisposed;

    public bool HasMultipleValuesPerSecret => false;

    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        Metadata = context.Metadata;
        await owner.OnInit(context, cancellationToken);
        IsInitialised = true;
    }

    public ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => IsDisposed ? throw new ObjectDisposedException(name)
            : ValueTask.FromResult<IReadOnlyDictionary<string, string>>(new Dictionary<string, string> { [name] = owner.Secrets[name] });

    public ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>>(
            new Dictionary<string, IReadOnlyDictionary<string, string>>());

    public ValueTask DisposeAsync()
    {
        isDisposed = true;
        return ValueTask.CompletedTask;
    }
}
