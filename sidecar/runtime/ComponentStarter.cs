using System.Diagnostics.CodeAnalysis;
using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>A component can't be used as it is configured; trying again won't help.</summary>
internal sealed class ComponentConfigurationException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Finds a provider by type and version.</summary>
internal delegate bool FindProvider(string type, string version, [NotNullWhen(true)] out ProviderEntry? entry);

/// <summary>A component's initialisation took longer than it may.</summary>
internal sealed class ComponentTimeoutException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// One attempt to bring a component up: resolve its metadata, check it, initialise it. A server that is not up yet is tried again with
/// back-off inside <c>initTimeout</c> (contract: operations 3.3, 3.4).
/// </summary>
internal sealed class ComponentStarter(ComponentRegistry registry, SecretResolver resolver, SidecarInfo self, ILoggerFactory loggers, TimeProvider time)
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    private readonly ILogger logger = loggers.CreateLogger("dapr.runtime.processor");

    /// <summary>Finds the provider of a type and version; the catalogue of this build unless told otherwise.</summary>
    public FindProvider FindProvider { get; init; } = ProviderCatalog.TryFind;

    /// <summary>
    /// Settles what a block keeps of a component (its key prefix, its topic scopes) before it becomes ready.
    /// </summary>
    public Action<ComponentHandle, ComponentMetadata>? Prepare { get; init; }

    /// <summary>Brings a component up.</summary>
    /// <param name="handle">The component; its metadata is set by this.</param>
    /// <param name="onParked">Told the secret store that is waited for, when it is not there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The instance, initialised, and what its values were resolved to.</returns>
    /// <exception cref="ComponentConfigurationException">It can't be used as it is.</exception>
    public async Task<(IComponent Instance, ResolvedItems Resolved)> StartAsync(
        ComponentHandle handle, Action<string> onParked, CancellationToken cancellationToken)
    {
        var descriptor = Describe(handle);
        var resolved = await ResolveAsync(handle, onParked, cancellationToken);
        var metadata = WithRuntimeItems(handle, resolved.Items);
        Check(handle, descriptor, metadata);
        var instance = await InitialiseAsync(handle, descriptor, metadata, cancellationToken);
        Prepare?.Invoke(handle, metadata);
        return (instance, resolved);
    }

    /// <summary>Whether a component's secrets are others now than when it was started. Nothing that can't be looked up counts.</summary>
    public async Task<bool> HasNewSecretsAsync(Component resource, ResolvedItems before, CancellationToken cancellationToken)
    {
        if (resource.Spec.Metadata?.Exists(i => i.SecretKeyRef is not null) != true)
        {
            return false;
        }

        var now = await resolver.ResolveAsync(resource, cancellationToken);
        return now is { WaitingFor: null, Failure: null } && now.Notes.Count == 0 && !now.Raw.SequenceEqual(before.Raw);
    }

    /// <summary>Closes an instance; what goes wrong with that is logged.</summary>
    public async Task DisposeAsync(IComponent instance, ComponentHandle handle)
    {
        try
        {
            await instance.DisposeAsync();
        }
        catch (Exception e)
        {
            logger.LogWarning("error while closing component {Component}: {Error}", handle.Resource.LogName, e.Message);
        }
    }

    private ProviderDescriptor Describe(ComponentHandle handle)
    {
        var (type, version) = (handle.Type, handle.Resource.Spec.Version);
        if (handle.Kind == ComponentHandle.UnknownKind)
        {
            throw new ComponentConfigurationException($"incorrect type {type}");
        }

        if (!FindProvider(type, version, out var entry) || entry.Kind != handle.Kind)
        {
            var versions = ProviderCatalog.VersionsOf(type);
            var hint = versions.Count > 0 ? $"; versions of this type: {string.Join(", ", versions)}" : "";
            throw new ComponentConfigurationException(
                handle.Kind == ComponentKind.Binding ? $"couldn't find binding {handle.Resource.LogName}"
                    : handle.Kind == ComponentKind.Middleware ? $"HTTP middleware {type}/{version} has not been registered{hint}"
                    : $"couldn't find {Noun(handle.Kind)} {type}/{version}{hint}");
        }

        var descriptor = entry.Describe();
        if (descriptor.DeprecationNotice is { } notice)
        {
            logger.LogWarning("{Notice}", notice);
        }

        return descriptor;
    }

    private async Task<ResolvedItems> ResolveAsync(ComponentHandle handle, Action<string> onParked, CancellationToken cancellationToken)
    {
        while (true)
        {
            var resolved = await resolver.ResolveAsync(handle.Resource, cancellationToken);
            foreach (var note in resolved.Notes)
            {
                logger.Log(note.Level, "{Note}", note.Text);
            }

            if (resolved.WaitingFor is not { } store)
            {
                return resolved.Failure is { } failure ? throw new ComponentConfigurationException(failure) : resolved;
            }

            await WaitForStoreAsync(store, onParked, cancellationToken);
        }
    }

    // A component whose secret store is not there is parked: nothing else waits for it.
    private async Task WaitForStoreAsync(string name, Action<string> onParked, CancellationToken cancellationToken)
    {
        var isParked = false;
        while (true)
        {
            var replaced = registry.Changed;
            var store = registry.Find(ComponentKind.SecretStore, name);
            var changed = store?.Changed ?? replaced;
            if (store is { Status: ComponentStatus.Ready })
            {
                return;
            }

            if (store is not { Status: ComponentStatus.Starting } && !isParked)
            {
                isParked = true;
                onParked(name);
            }

            await Task.WhenAny(replaced, changed).WaitAsync(cancellationToken);
        }
    }

    private ComponentMetadata WithRuntimeItems(ComponentHandle handle, IReadOnlyList<KeyValuePair<string, string>> items)
    {
        try
        {
            if (handle.Kind != ComponentKind.PubSub)
            {
                return new ComponentMetadata(items);
            }

            var consumer = items.FirstOrDefault(i => i.Key == "consumerID").Value?.Trim();
            return new ComponentMetadata(
                items.Where(i => i.Key != "consumerID").Append(new("consumerID", string.IsNullOrEmpty(consumer) ? self.AppId : consumer)));
        }
        catch (ComponentMetadataException e)
        {
            throw new ComponentConfigurationException(e.Message, e);
        }
    }

    private void Check(ComponentHandle handle, ProviderDescriptor descriptor, ComponentMetadata metadata)
    {
        var problems = metadata.Validate(descriptor.Fields);
        if (problems.Count > 0)
        {
            throw new ComponentConfigurationException(string.Join("; ", problems.Select(p => p.Message)), problems[0]);
        }

        if (handle.Kind == ComponentKind.State && StateBlock.CheckMetadata(handle.Resource, metadata, self) is { } problem)
        {
            throw new ComponentConfigurationException(problem);
        }
    }

    private async Task<IComponent> InitialiseAsync(
        ComponentHandle handle, ProviderDescriptor descriptor, ComponentMetadata metadata, CancellationToken cancellationToken)
    {
        var timeout = GoDuration.TryParse(handle.Resource.Spec.InitTimeout, out var own) && own > TimeSpan.Zero ? own : DefaultTimeout;
        using var limit = new CancellationTokenSource(timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var context = new ComponentContext
        {
            Name = handle.Name,
            Type = handle.Type,
            Version = ProviderCatalog.NormaliseVersion(handle.Resource.Spec.Version),
            Metadata = metadata,
            AppId = self.AppId,
            Namespace = self.Namespace,
            Time = time,
            Logger = loggers.CreateLogger("dapr.contrib"),
        };
        var pause = new BackOff(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(2));
        Exception? last = null;
        while (true)
        {
            var instance = descriptor.Create();
            try
            {
                await instance.InitAsync(context, both.Token);
                both.Token.ThrowIfCancellationRequested();
                return instance;
            }
            catch (Exception e)
            {
                await DisposeAsync(instance, handle);
                cancellationToken.ThrowIfCancellationRequested();
                if (e is ComponentMetadataException)
                {
                    throw new ComponentConfigurationException(e.Message, e);
                }

                if (limit.IsCancellationRequested)
                {
                    throw new ComponentTimeoutException($"init timeout for component {handle.Resource.LogName}{Because(last ?? (e is OperationCanceledException ? null : e))}", e);
                }

                last = e;
            }

            await Task.Delay(pause.Next(), time, both.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (limit.IsCancellationRequested)
            {
                throw last;
            }
        }

        static string Because(Exception? cause) => cause is null ? "" : $": {cause.Message}";
    }

    private static string Noun(ComponentKind kind)
        => kind switch
        {
            ComponentKind.State => "state store",
            ComponentKind.PubSub => "message bus",
            ComponentKind.SecretStore => "secret store",
            ComponentKind.Configuration => "configuration store",
            ComponentKind.Lock => "lock store",
            ComponentKind.Crypto => "crypto provider",
            ComponentKind.Conversation => "conversation",
            ComponentKind.Middleware => "HTTP middleware",
            _ => "component",
        };
}
