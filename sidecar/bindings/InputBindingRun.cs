using DaprK8s.Common.Hosting;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>
/// Reads one input binding until it is stopped: waits for its component, asks the app whether it wants it, reads, begins again with
/// growing pauses when the source is lost, and anew when the component is replaced.
/// </summary>
internal sealed class InputBindingRun
{
    private const string Closed = "input binding is closed";

    private readonly CancellationTokenSource stop = new();
    private readonly BackOff pause = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60));
    private readonly string name;
    private readonly ComponentRegistry registry;
    private readonly BindingDiscovery discovery;
    private readonly BindingServices services;
    private readonly Task loop;

    public InputBindingRun(string name, ComponentRegistry registry, BindingDiscovery discovery, BindingServices services)
    {
        (this.name, this.registry, this.discovery, this.services) = (name, registry, discovery, services);
        loop = Task.Run(RunAsync);
    }

    /// <summary>The component.</summary>
    public string Name => name;

    /// <summary>Lets no new event in; returns when those under way are answered.</summary>
    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await loop;
    }

    private async Task RunAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var replaced = registry.Changed;
                if (registry.Find(ComponentKind.Binding, name) is not { } component)
                {
                    await replaced.WaitAsync(stop.Token);
                    continue;
                }

                var changed = component.Changed;
                if (!component.TryUse(out ComponentUse<IInputBinding> use))
                {
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
                return;
            }
            catch (Exception e)
            {
                services.Logger.LogError("input binding {Binding} stopped reading, beginning again: {Error}", name, e.Message);
                await Task.Delay(pause.Next(), services.Time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ServeAsync(ComponentHandle component, IInputBinding binding)
    {
        if (!await discovery.IsWantedAsync(component, stop.Token))
        {
            services.Logger.LogInformation("the app did not subscribe to binding {Binding}", name);
            await ReplacementAsync(component, binding, stop.Token);
            return;
        }

        services.Logger.LogInformation("reading from input binding {Binding}", component.Resource.LogName);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var delivery = new BindingDelivery(component, services);
        var gate = new WorkGate();
        var read = binding.ReadAsync((received, ct) => DeliverAsync(delivery, gate, received, reading.Token, ct), reading.Token);
        var replaced = ReplacementAsync(component, binding, reading.Token);
        var first = await Task.WhenAny(read, replaced);
        await reading.CancelAsync();
        gate.Seal();
        await Task.WhenAll(read, replaced).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await gate.Idle;
        stop.Token.ThrowIfCancellationRequested();
        if (first == read)
        {
            await read;
            throw new InvalidOperationException("the source ended");
        }

        pause.Reset();
    }

    private static async ValueTask<ReadOnlyMemory<byte>> DeliverAsync(
        BindingDelivery delivery, WorkGate gate, BindingEvent received, CancellationToken closing, CancellationToken cancellationToken)
    {
        if (!gate.TryEnter())
        {
            throw new InvalidOperationException(Closed);
        }

        try
        {
            return closing.IsCancellationRequested ? throw new InvalidOperationException(Closed) : await delivery.DeliverAsync(received, cancellationToken);
        }
        finally
        {
            gate.Exit();
        }
    }

    // Waits until the component has another instance, or none, or is no longer the one of its name.
    private async Task ReplacementAsync(ComponentHandle component, IInputBinding binding, CancellationToken cancellationToken)
    {
        while (true)
        {
            var signal = Task.WhenAny(registry.Changed, component.Changed);
            if (!ReferenceEquals(component.Instance, binding) || registry.Find(ComponentKind.Binding, name) != component)
            {
                return;
            }

            await signal.WaitAsync(cancellationToken);
        }
    }
}
