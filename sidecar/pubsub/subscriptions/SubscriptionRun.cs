using DaprK8s.Common.Hosting;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Keeps one subscription of the app running until it is stopped: waits for its component, subscribes, tries again for ever
/// with growing pauses, and subscribes anew when the component's instance is replaced. It waits on signals, not on a clock.
/// </summary>
internal sealed class SubscriptionRun
{
    private readonly CancellationTokenSource stop = new();
    private readonly BackOff backOff = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60));
    private readonly ComponentRegistry components;
    private readonly PubSubSettingsCache settings;
    private readonly IEventReceiver receiver;
    private readonly DeliveryServices services;
    private readonly TaskCompletionSource attempted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task loop;

    public SubscriptionRun(
        SubscriptionDefinition definition,
        ComponentRegistry components,
        PubSubSettingsCache settings,
        IEventReceiver receiver,
        DeliveryServices services,
        Task predecessor)
    {
        Definition = definition;
        this.components = components;
        this.settings = settings;
        this.receiver = receiver;
        this.services = services;
        loop = RunAsync(predecessor);
    }

    public SubscriptionDefinition Definition { get; }

    /// <summary>Ends when it has subscribed, or has seen for the first time that it can't yet; never fails.</summary>
    public Task Attempted => attempted.Task;

    public bool HasEnded => loop.IsCompleted;

    /// <summary>Stops and waits until the messages in flight are settled.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await loop;
    }

    private async Task RunAsync(Task predecessor)
    {
        // The one who starts many subscriptions must not wait for the first part of any.
        await Task.Yield();
        await predecessor.WaitAsync(stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var replaced = components.Changed;
                if (components.Find(ComponentKind.PubSub, Definition.PubSub) is not { } component)
                {
                    attempted.TrySetResult();
                    await replaced.WaitAsync(stop.Token);
                    continue;
                }

                var changed = component.Changed;
                if (!component.TryUse(out ComponentUse<IPubSub> use))
                {
                    attempted.TrySetResult();
                    await Task.WhenAny(changed, replaced).WaitAsync(stop.Token);
                    continue;
                }

                using (use)
                {
                    await ServeAsync(component, use.Instance);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                attempted.TrySetResult();
                await PauseAsync(e);
            }
        }

        attempted.TrySetResult();
    }

    private async Task ServeAsync(ComponentHandle component, IPubSub broker)
    {
        var rules = settings.Of(component);
        if (!rules.Scopes.MaySubscribe(Definition.Topic))
        {
            attempted.TrySetResult();
            services.Logger.LogError("{Problem}", PubSubErrors.SubscriptionDenied(Definition.PubSub, Definition.Topic));
            await ReplacementAsync(component, broker);
            return;
        }

        var delivery = new EventDelivery(Definition, component, rules, receiver, services);
        var request = new SubscribeRequest(rules.ToBroker(Definition.Topic), Definition.Metadata);
        var active = await ActiveSubscription.OpenAsync(broker, request, delivery, services, stop.Token);
        try
        {
            backOff.Reset();
            services.Logger.LogInformation("subscribed to topic '{Topic}' through pubsub={PubSub}", Definition.Topic, Definition.PubSub);
            attempted.TrySetResult();
            await ReplacementAsync(component, broker);
        }
        finally
        {
            await active.CloseAsync();
        }
    }

    // Waits until the component has another instance, or none, or is no longer the one of its name.
    private async Task ReplacementAsync(ComponentHandle component, IPubSub broker)
    {
        while (true)
        {
            var signal = Task.WhenAny(components.Changed, component.Changed);
            if (!ReferenceEquals(component.Instance, broker) || components.Find(ComponentKind.PubSub, Definition.PubSub) != component)
            {
                return;
            }

            await signal.WaitAsync(stop.Token);
        }
    }

    private async Task PauseAsync(Exception e)
    {
        var wait = backOff.Next();
        services.Logger.LogError(
            "failed to subscribe to topic '{Topic}' on pubsub '{PubSub}', trying again in {Wait}: {Error}", Definition.Topic, Definition.PubSub, wait, e.Message);
        try
        {
            await Task.Delay(wait, services.Time, stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The loop looks at the token next.
        }
    }
}
