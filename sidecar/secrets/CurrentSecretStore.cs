using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>A secret store component as those use it that hold it for longer than a call: whichever instance has its name by then.</summary>
internal sealed class CurrentSecretStore(ComponentHandle component) : ISecretStore
{
    public bool HasMultipleValuesPerSecret => component.Instance is ISecretStore { HasMultipleValuesPerSecret: true };

    /// <summary>The store of a name, if it is ready.</summary>
    public static ISecretStore? Find(ComponentRegistry components, string name)
        => components.Find(ComponentKind.SecretStore, name) is { Status: ComponentStatus.Ready } component ? new CurrentSecretStore(component) : null;

    public async ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        using var use = await component.UseAsync<ISecretStore>(cancellationToken);
        return await use.Instance.GetAsync(name, metadata, cancellationToken);
    }

    public async ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
    {
        using var use = await component.UseAsync<ISecretStore>(cancellationToken);
        return await use.Instance.BulkGetAsync(metadata, cancellationToken);
    }

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
