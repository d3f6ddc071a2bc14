using System.Collections.Concurrent;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// Owns the components: has each supervised, takes changes of what is wanted, and closes everything at the end (contract: operations
/// 3.3, 3.7).
/// </summary>
internal sealed class ComponentLoader : IAsyncDisposable
{
    private readonly SupervisorServices services;
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentDictionary<string, ComponentSupervisor> supervisors = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Task, byte> running = [];

    public ComponentLoader(SupervisorServices services)
    {
        this.services = services;
        services.OnReplaced = OnReplaced;
        services.CloseLater = (component, instance) => Track(CloseWhenIdleAsync(component, instance));
    }

    /// <summary>Starts what is in the registry, and returns once each component is up, given up or left to the background.</summary>
    public async Task StartAsync()
    {
        var first = services.Registry.All;
        foreach (var handle in first)
        {
            Supervise(handle);
        }

        await Task.WhenAll(first.Select(h => h.Settled)).WaitAsync(stopping.Token);
    }

    /// <summary>Brings about that exactly these components are there; returns before they are. Not to be called by two at a time.</summary>
    public void Apply(IReadOnlyList<Component> wanted)
    {
        var names = wanted.Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, supervisor) in supervisors)
        {
            // It stays here until it has taken its component out, so that one that comes back meanwhile comes after that.
            if (!names.Contains(name) && !supervisor.TryWant(null))
            {
                supervisors.TryRemove(name, out _);
            }
        }

        // What others wait for comes first.
        foreach (var resource in wanted.OrderByDescending(c => ComponentCatalogue.KindOf(c) == ComponentKind.SecretStore))
        {
            Apply(resource);
        }
    }

    /// <summary>Looks again at the secrets of every component.</summary>
    public void LookAtSecrets()
    {
        foreach (var supervisor in supervisors.Values)
        {
            supervisor.LookAtSecrets();
        }
    }

    /// <summary>Ends the loops and closes what is open. Inputs have been drained by then.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        while (!running.IsEmpty)
        {
            await Task.WhenAll(running.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(services.Registry.All.Select(CloseAsync));
        stopping.Dispose();
    }

    private void Apply(Component resource)
    {
        if (supervisors.TryGetValue(resource.Name, out var supervisor))
        {
            var known = supervisor.Wanted;
            if (known is not null && (ReferenceEquals(known, resource) || ResourceContent.DigestOf(known) == ResourceContent.DigestOf(resource)))
            {
                return;
            }

            if (supervisor.TryWant(resource))
            {
                return;
            }
        }

        var handle = new ComponentHandle(resource, ComponentCatalogue.KindOf(resource), services.Time);
        services.Registry.Put(handle);
        Supervise(handle);
    }

    private void Supervise(ComponentHandle handle)
    {
        var supervisor = new ComponentSupervisor(handle, services, stopping.Token);
        supervisors[handle.Name] = supervisor;
        Track(Task.Run(supervisor.RunAsync));
    }

    // Components that were resolved from the store before may have got values that are no longer right.
    private void OnReplaced(ComponentHandle component)
    {
        if (component.Kind != ComponentKind.SecretStore)
        {
            return;
        }

        foreach (var supervisor in supervisors.Values)
        {
            if (supervisor.Wanted?.Auth?.SecretStore == component.Name)
            {
                supervisor.LookAtSecrets();
            }
        }
    }

    private void Track(Task task)
    {
        running[task] = 0;
        task.ContinueWith(t => running.TryRemove(t, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private async Task CloseWhenIdleAsync(ComponentHandle component, IComponent instance)
    {
        await component.Idle.WaitAsync(stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        services.Logger.LogDebug("Closing the earlier version of component {Component}", component.Resource.LogName);
        await services.Starter.DisposeAsync(instance, component);
    }

    private async Task CloseAsync(ComponentHandle handle)
    {
        var instance = handle.Instance;
        handle.MarkClosed();
        if (instance is null)
        {
            return;
        }

        services.Logger.LogInformation("Shutting down component {Component}", handle.Resource.LogName);
        await services.Starter.DisposeAsync(instance, handle);
    }
}
