using DaprK8s.Common.Hosting;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Text;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>A component can't be used as it is configured; trying again won't help.</summary>
internal sealed class ComponentConfigurationException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Brings components up, each in a loop of its own: resolve its metadata, check it, initialise it. A server that is not up yet is
/// tried again with back-off inside <c>initTimeout</c>; a component with <c>ignoreErrors</c> goes on being tried in the background,
/// without it the sidecar ends (contract: operations 3.3, and this project's promise of telling failures).
/// </summary>
internal sealed class ComponentLoader(
    ComponentRegistry registry,
    SecretResolver resolver,
    SidecarInfo self,
    LoaderMetrics metrics,
    Action<string> onFatal,
    ILoggerFactory loggers,
    TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);

    private readonly ILogger logger = loggers.CreateLogger("dapr.runtime.processor");
    private readonly CancellationTokenSource stopping = new();
    private readonly List<Task> loops = [];

    /// <summary>
    /// Settles what a block keeps of a component (its key prefix, its topic scopes) before it becomes ready.
    /// </summary>
    public Action<ComponentHandle, ComponentMetadata>? Prepare { get; set; }

    /// <summary>Starts all loops, and returns once each component is up, given up or left to the background.</summary>
    public async Task StartAsync()
    {
        foreach (var handle in registry.All)
        {
            loops.Add(Task.Run(() => SuperviseAsync(handle)));
        }

        await Task.WhenAll(registry.All.Select(h => h.Settled)).WaitAsync(stopping.Token);
    }

    /// <summary>Ends the loops and closes what is open. Inputs have been drained by then.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await Task.WhenAll(loops);
        await Task.WhenAll(registry.All.Select(CloseAsync));
        stopping.Dispose();
    }

    private async Task CloseAsync(ComponentHandle handle)
    {
        var instance = handle.Instance;
        handle.MarkClosed();
        if (instance is null)
        {
            return;
        }

        logger.LogInformation("Shutting down component {Component}", handle.Resource.LogName);
        await DisposeQuietlyAsync(instance, handle);
    }

    private async Task SuperviseAsync(ComponentHandle handle)
    {
        var pause = new BackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        var first = true;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await LoadAsync(handle, stopping.Token);
                return;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                var permanent = e is ComponentConfigurationException;
                Report(handle, e, first, permanent);
                if (!handle.Resource.Spec.IgnoreErrors || permanent)
                {
                    return;
                }
            }

            first = false;
            await Task.Delay(pause.Next(), time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Report(ComponentHandle handle, Exception error, bool first, bool permanent)
    {
        var cause = Describe(handle, error);
        var text = $"[INIT_COMPONENT_FAILURE]: initialization error occurred for {handle.Resource.LogName}: {cause}";
        var where = handle.Resource.Source.Length > 0 ? $" ({handle.Resource.Source})" : "";
        handle.MarkFailed(cause);
        metrics.Failed(handle, permanent ? "creation" : "init");
        if (!first)
        {
            logger.LogWarning("component {Component} is still not ready: {Error}", handle.Resource.LogName, cause);
            return;
        }

        logger.LogError("Failed to init component {Component}: {Error}{Where}", handle.Resource.LogName, text, where);
        if (handle.Resource.Spec.IgnoreErrors)
        {
            logger.LogError("Ignoring error processing component: process component {Name} error: {Error}{Where}", handle.Name, text, where);
            return;
        }

        logger.LogError(
            "Error processing component, daprd will exit gracefully: process component {Name} error: {Error}{Where}", handle.Name, text, where);
        onFatal($"process component {handle.Name} error: {text}{where}");
    }

    private async Task LoadAsync(ComponentHandle handle, CancellationToken cancellationToken)
    {
        metrics.Starting(handle);
        var descriptor = Describe(handle);
        var metadata = await ResolveAsync(handle, cancellationToken);
        Check(handle, descriptor, metadata);
        var instance = await InitialiseAsync(handle, descriptor, metadata, cancellationToken);
        Prepare?.Invoke(handle, metadata);
        handle.MarkReady(instance);
        metrics.Loaded();
        logger.LogInformation("Component loaded: {Component}", handle.Resource.LogName);
    }

    private ProviderDescriptor Describe(ComponentHandle handle)
    {
        var (type, version) = (handle.Type, handle.Resource.Spec.Version);
        if (!ProviderCatalog.TryFind(type, version, out var entry) || entry.Kind != handle.Kind)
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

    private static string Describe(ComponentHandle handle, Exception error)
        => handle.Kind == ComponentKind.Middleware
            ? $"error creating HTTP middleware {handle.Type}/{ProviderCatalog.NormaliseVersion(handle.Resource.Spec.Version)}: {error.Message}"
            : error.Message;

    private async Task<ComponentMetadata> ResolveAsync(ComponentHandle handle, CancellationToken cancellationToken)
    {
        while (true)
        {
            var resolved = await resolver.ResolveAsync(handle.Resource, cancellationToken);
            foreach (var note in resolved.Notes)
            {
                logger.Log(note.Level, "{Note}", note.Text);
            }

            if (resolved.Failure is { } failure)
            {
                throw new ComponentConfigurationException(failure);
            }

            if (resolved.WaitingFor is not { } store)
            {
                return WithRuntimeItems(handle, resolved.Items);
            }

            await WaitForStoreAsync(handle, store, cancellationToken);
        }
    }

    // A component whose secret store is not there is parked: nothing else waits for it.
    private async Task WaitForStoreAsync(ComponentHandle handle, string store, CancellationToken cancellationToken)
    {
        var target = registry.Find(ComponentKind.SecretStore, store);
        if (target is { Status: ComponentStatus.Starting })
        {
            await target.Settled.WaitAsync(cancellationToken);
        }

        if (target?.Status == ComponentStatus.Ready)
        {
            return;
        }

        handle.MarkFailed($"it references a secret store that isn't loaded: {store}");
        while (registry.Find(ComponentKind.SecretStore, store)?.Status != ComponentStatus.Ready)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
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
                await DisposeQuietlyAsync(instance, handle);
                cancellationToken.ThrowIfCancellationRequested();
                if (e is ComponentMetadataException)
                {
                    throw new ComponentConfigurationException(e.Message, e);
                }

                if (limit.IsCancellationRequested)
                {
                    throw new TimeoutException($"init timeout for component {handle.Resource.LogName}{Because(last ?? (e is OperationCanceledException ? null : e))}", e);
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

    private async Task DisposeQuietlyAsync(IComponent instance, ComponentHandle handle)
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

/// <summary>Counts of component initialisation (contract: operations 5.5).</summary>
internal sealed class LoaderMetrics(MetricsRegistry registry, SidecarInfo self)
{
    private readonly CounterFamily loaded = registry.Counter("dapr_runtime_component_loaded", "Components loaded.", "app_id");
    private readonly CounterFamily starting = registry.Counter("dapr_runtime_component_init_total", "Component initialisations begun.", "app_id", "component");
    private readonly CounterFamily failed = registry.Counter("dapr_runtime_component_init_fail_total", "Component initialisations failed.", "app_id", "component", "reason", "componentName");

    public void Loaded() => loaded.Increment(new LabelValues(self.AppId));

    public void Starting(ComponentHandle handle) => starting.Increment(new LabelValues(self.AppId, handle.Type));

    public void Failed(ComponentHandle handle, string reason) => failed.Increment(new LabelValues(self.AppId, handle.Type, reason, handle.Name));
}
