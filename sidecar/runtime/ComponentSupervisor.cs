using DaprK8s.Common.Hosting;
using DaprK8s.Common.Resources;
using DaprK8s.Components;
using DaprK8s.Sidecar.Reload;
using DaprK8s.Sidecar.Secrets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Runtime;

/// <summary>
/// Keeps the component of one name as it is wanted. A version that nobody waits behind starts in its place; a version that follows
/// another is started beside it, takes over when it is ready, and the other is closed once its calls have ended. One that fails
/// changes nothing for those that are served, and is tried again. The newest wish counts.
/// </summary>
internal sealed class ComponentSupervisor
{
    private readonly Lock gate = new();
    private readonly SupervisorServices services;
    private readonly CancellationToken stopping;
    private readonly BackOff backOff = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));

    // The wish, guarded by the gate.
    private Component? wanted;
    private bool looksAtSecrets;
    private bool hasEnded;
    private CancellationTokenSource attempt;
    private TaskCompletionSource signal = NewSignal();

    // What is, touched by the loop only.
    private ComponentHandle current;
    private ResolvedItems resolved = new();
    private bool hasFailedBefore;

    /// <param name="first">In the registry already.</param>
    /// <param name="services">What supervisors share.</param>
    /// <param name="stopping">Ends the supervision; what serves goes on serving.</param>
    public ComponentSupervisor(ComponentHandle first, SupervisorServices services, CancellationToken stopping)
    {
        current = first;
        wanted = first.Resource;
        this.services = services;
        this.stopping = stopping;
        attempt = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        services.Statuses.Set(ResourceKinds.Component, first.Resource, ResourceState.Starting);
    }

    private enum Outcome
    {
        /// <summary>It serves.</summary>
        Up,

        /// <summary>It may succeed later as it is.</summary>
        TryAgain,

        /// <summary>It takes a change to make it succeed.</summary>
        GivenUp,

        /// <summary>A newer wish came first.</summary>
        Superseded,
    }

    /// <summary>The version that is wanted.</summary>
    public Component? Wanted
    {
        get
        {
            lock (gate)
            {
                return wanted;
            }
        }
    }

    /// <summary>Runs until the component is removed or the process ends; never fails.</summary>
    public async Task RunAsync()
    {
        Component? tried = null;
        var outcome = Outcome.Superseded;
        while (Take(out var resource, out var looks, out var changed, out var cancellation))
        {
            if (resource is null)
            {
                Remove();
                tried = null;
                if (TryEnd())
                {
                    return;
                }

                continue;
            }

            if (!ReferenceEquals(resource, tried))
            {
                backOff.Reset();
                hasFailedBefore = false;
                outcome = Outcome.TryAgain;
            }

            if (outcome != Outcome.Up || (looks && await HasNewSecretsAsync(resource, cancellation)))
            {
                outcome = outcome == Outcome.GivenUp && !looks ? outcome : await TryAsync(resource, cancellation);
                tried = outcome == Outcome.Superseded ? null : resource;
            }

            await WaitAsync(changed, outcome);
        }
    }

    /// <summary>Wants a version, or none; false when the supervision has ended, and another one must begin.</summary>
    public bool TryWant(Component? resource)
    {
        CancellationTokenSource outdated;
        lock (gate)
        {
            if (hasEnded)
            {
                return false;
            }

            if (IsOutdated(resource, wanted))
            {
                services.Logger.LogWarning(
                    "component {Component}: generation {Generation} came after generation {Known} and is ignored",
                    resource!.LogName, resource.Metadata.Generation, wanted!.Metadata.Generation);
                return true;
            }

            wanted = resource;
            outdated = attempt;
            attempt = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            signal.TrySetResult();
        }

        outdated.Cancel();
        outdated.Dispose();
        return true;
    }

    /// <summary>Looks whether secrets are others now; what failed is tried again at once.</summary>
    public void LookAtSecrets()
    {
        lock (gate)
        {
            looksAtSecrets = true;
            signal.TrySetResult();
        }
    }

    private static bool IsOutdated(Component? resource, Component? known)
        => resource is not null && known is not null && resource.Metadata.Uid == known.Metadata.Uid
            && resource.Metadata.Generation < known.Metadata.Generation;

    private bool Take(out Component? resource, out bool looks, out Task changed, out CancellationToken cancellation)
    {
        lock (gate)
        {
            if (signal.Task.IsCompleted)
            {
                signal = NewSignal();
            }

            (resource, looks, changed, cancellation) = (wanted, looksAtSecrets, signal.Task, attempt.Token);
            looksAtSecrets = false;
            return !stopping.IsCancellationRequested;
        }
    }

    private bool TryEnd()
    {
        lock (gate)
        {
            if (wanted is not null)
            {
                return false;
            }

            attempt.Dispose();
            return hasEnded = true;
        }
    }

    private async Task WaitAsync(Task changed, Outcome outcome)
    {
        if (outcome == Outcome.Superseded)
        {
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var pause = outcome == Outcome.TryAgain ? Task.Delay(backOff.Next(), services.Time, ended.Token) : Task.Delay(Timeout.Infinite, ended.Token);
        await Task.WhenAny(changed, pause);
        await ended.CancelAsync();
    }

    private async Task<bool> IsWhatServesAsync(Component resource, CancellationToken cancellationToken)
        => ResourceContent.DigestOf(resource) == ResourceContent.DigestOf(current.Resource) && !await HasNewSecretsAsync(resource, cancellationToken);

    private async Task<bool> HasNewSecretsAsync(Component resource, CancellationToken cancellationToken)
    {
        try
        {
            return await services.Starter.HasNewSecretsAsync(resource, resolved, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<Outcome> TryAsync(Component resource, CancellationToken cancellationToken)
    {
        var isServing = current.Instance is not null;
        if (isServing && await IsWhatServesAsync(resource, cancellationToken))
        {
            // Somebody took a change back that had failed.
            services.Statuses.Set(ResourceKinds.Component, resource, ResourceState.Ready);
            return Outcome.Up;
        }

        var isInPlace = !isServing && current.Status != ComponentStatus.Closed && ReferenceEquals(current.Resource, resource);
        var next = isInPlace ? current : NewHandle(resource);
        if (!isServing && next != current)
        {
            // Nobody is served by the version before: calls wait for this one.
            TakeOver(next);
            services.Statuses.Set(ResourceKinds.Component, resource, ResourceState.Starting);
        }

        try
        {
            services.Metrics.Starting(next);
            var (instance, items) = await services.Starter.StartAsync(next, store => Park(next, isServing, store), cancellationToken);
            next.MarkReady(instance);
            resolved = items;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Outcome.Superseded;
        }
        catch (Exception e)
        {
            return Fail(next, isServing, e);
        }

        if (next != current)
        {
            TakeOver(next);
            services.OnReplaced?.Invoke(next);
        }

        services.Metrics.Loaded();
        services.Statuses.Set(ResourceKinds.Component, resource, ResourceState.Ready);
        services.Logger.LogInformation("Component loaded: {Component}", resource.LogName);
        return Outcome.Up;
    }

    private ComponentHandle NewHandle(Component resource) => new(resource, ComponentCatalogue.KindOf(resource), services.Time);

    private void TakeOver(ComponentHandle next)
    {
        var (old, instance) = (current, current.Instance);
        if (instance is not null)
        {
            services.Logger.LogInformation("Closing existing Component to reload: {Component}", old.Resource.LogName);
        }

        current = next;
        services.Registry.Put(next);
        old.Retire(next);
        Close(old, instance);
    }

    private void Remove()
    {
        var instance = current.Instance;
        services.Registry.Remove(current);
        current.Retire(null);
        services.Statuses.Remove(ResourceKinds.Component, current.Name);
        services.Logger.LogInformation("Component removed: {Component}", current.Resource.LogName);
        Close(current, instance);
    }

    private void Close(ComponentHandle old, IComponent? instance)
    {
        if (instance is not null)
        {
            services.CloseLater?.Invoke(old, instance);
        }
    }

    private void Park(ComponentHandle next, bool isServing, string store)
    {
        var text = $"it references a secret store that isn't loaded: {store}";
        if (!isServing)
        {
            next.MarkFailed(text);
        }

        services.Statuses.Set(
            ResourceKinds.Component, next.Resource, isServing ? ResourceState.Degraded : ResourceState.Failed, StatusReasons.SecretStoreNotLoaded, text);
    }

    private Outcome Fail(ComponentHandle next, bool isServing, Exception error)
    {
        var isPermanent = error is ComponentConfigurationException;
        var reason = next.Resource.SecretProblem is not null ? StatusReasons.SecretUnavailable
            : isPermanent ? StatusReasons.Invalid : error is ComponentTimeoutException ? StatusReasons.InitTimeout : StatusReasons.InitFailed;
        var report = new ComponentFailure(next, error);
        services.Metrics.Failed(next, isPermanent ? "creation" : "init");
        var first = !hasFailedBefore;
        hasFailedBefore = true;
        if (isServing)
        {
            services.Statuses.Set(ResourceKinds.Component, next.Resource, ResourceState.Degraded, reason, report.Cause);
            services.Logger.Log(
                first ? LogLevel.Error : LogLevel.Warning,
                "component {Component} could not be updated, the version before stays in use: {Error}{Where}", next.Resource.LogName, report.Text, report.Where);
            return isPermanent ? Outcome.GivenUp : Outcome.TryAgain;
        }

        // Readiness knows of it before anybody is told that the component is settled.
        var ignored = next.Resource.Spec.IgnoreErrors;
        services.Statuses.Set(ResourceKinds.Component, next.Resource, ResourceState.Failed, reason, report.Cause, holdsBack: !ignored);
        next.MarkFailed(report.Cause);
        report.Log(services.Logger, first, ignored, services.OnFatal is null);
        if (!ignored && services.OnFatal is { } end)
        {
            end(report.FatalText);
            return Outcome.GivenUp;
        }

        return isPermanent ? Outcome.GivenUp : Outcome.TryAgain;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
