using DaprK8s.Components;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Starts and stops the app's subscriptions as the app comes and goes (contract: messaging 2.6, 2.14). The runtime tells it:
/// <see cref="StartAsync"/> when the app is healthy (and again whenever components were added), <see cref="StopAsync"/> when
/// it is not, <see cref="DrainAsync"/> before components close. Streams live on while the app is unhealthy and end with the
/// drain.
/// </summary>
/// <param name="app">The app's channel.</param>
/// <param name="components">The components.</param>
/// <param name="catalog">Every subscription; declarative ones are loaded before the first start.</param>
/// <param name="discovery">Asks the app.</param>
/// <param name="streams">The open streams.</param>
/// <param name="settings">Scopes and prefixes.</param>
/// <param name="services">What deliveries use.</param>
/// <param name="isDiscoveryDisabled"><c>--disable-init-endpoints</c> has <c>subscribe</c>.</param>
internal sealed class SubscriptionHost(
    IAppChannel app,
    ComponentRegistry components,
    SubscriptionCatalog catalog,
    SubscriptionDiscovery discovery,
    SubscriptionStreams streams,
    PubSubSettingsCache settings,
    DeliveryServices services,
    bool isDiscoveryDisabled) : IAsyncDisposable
{
    // How long a broker that does not answer may hold up the sidecar's readiness.
    private static readonly TimeSpan FirstAttempts = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim turn = new(1);
    private readonly List<SubscriptionRun> runs = [];
    private CancellationTokenSource starting = new();
    private List<SubscriptionRun> leaving = [];
    private bool asked;
    private volatile bool isOn;
    private volatile bool drained;

    /// <summary>
    /// Asks the app for its subscriptions if it was not asked yet, then starts every subscription that does not run. Returns
    /// once each has tried, so that a message published from then on reaches the app; one that failed goes on by itself
    /// until it succeeds.
    /// </summary>
    public Task StartAsync(CancellationToken cancellationToken) => StartAsync(waits: true, cancellationToken);

    /// <summary>
    /// Brings what runs into line with the catalogue, or with components that were added, if the app is able to take work; otherwise
    /// the next start does. Only what differs is stopped or started.
    /// </summary>
    public Task ReloadAsync(CancellationToken cancellationToken) => isOn && !drained ? StartAsync(waits: false, cancellationToken) : Task.CompletedTask;

    /// <summary>Stops the app's subscriptions; returns once what was in flight is settled.</summary>
    public async Task StopAsync()
    {
        isOn = false;

        // A start that is still asking the app gives way.
        await Interlocked.Exchange(ref starting, new CancellationTokenSource()).CancelAsync();
        await turn.WaitAsync();
        try
        {
            await StopAsync([.. runs, .. leaving]);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Stops all subscriptions, streams included, for good. Returns when they have ended, or when the token does.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        drained = true;
        await Task.WhenAll(StopAsync(), streams.DrainAsync()).WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync() => await DrainAsync(CancellationToken.None);

    private async Task StartAsync(bool waits, CancellationToken cancellationToken)
    {
        if (NewReceivers() is not { } receiverOf)
        {
            return;
        }

        isOn = true;
        using var round = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, Volatile.Read(ref starting).Token);
        try
        {
            var started = await StartRunsAsync(receiverOf, round.Token);
            if (!waits)
            {
                return;
            }

            await Task.WhenAll(started.Select(run => run.Attempted)).WaitAsync(FirstAttempts, services.Time, round.Token);
        }
        catch (TimeoutException)
        {
            services.Logger.LogWarning("Not all subscriptions are active after {Limit}; going on while they are being started", FirstAttempts);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Stopped meanwhile; the next start goes on from here.
        }
    }

    private async Task<List<SubscriptionRun>> StartRunsAsync(Func<SubscriptionDefinition, IEventReceiver> receiverOf, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            List<SubscriptionRun> started = [];
            if (drained || !await DiscoverAsync(cancellationToken) || cancellationToken.IsCancellationRequested)
            {
                return started;
            }

            var wanted = catalog.ForApp;
            var ending = runs.FindAll(run => !wanted.Contains(run.Definition, ReferenceEqualityComparer.Instance));
            runs.RemoveAll(ending.Contains);
            leaving = [.. leaving.Where(run => !run.HasEnded), .. ending];
            ending.ForEach(run => _ = run.StopAsync());
            foreach (var definition in wanted)
            {
                if (!runs.Exists(run => ReferenceEquals(run.Definition, definition)))
                {
                    // Its own topic's earlier subscription ends first; no other is waited for.
                    var before = leaving.FindAll(run => run.Definition.PubSub == definition.PubSub && run.Definition.Topic == definition.Topic);
                    started.Add(new SubscriptionRun(
                        definition, components, settings, receiverOf(definition), services, Task.WhenAll(before.ConvertAll(run => run.StopAsync()))));
                }
            }

            runs.AddRange(started);
            return started;
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task StopAsync(List<SubscriptionRun> ending)
    {
        await Task.WhenAll(ending.ConvertAll(run => run.StopAsync()));
        runs.RemoveAll(ending.Contains);
        leaving.RemoveAll(ending.Contains);
    }

    /// <summary>False when the app gave no answer: then nothing starts in this round (contract: messaging 2.1).</summary>
    private async Task<bool> DiscoverAsync(CancellationToken cancellationToken)
    {
        if (asked || !components.HasAny(ComponentKind.PubSub))
        {
            return true;
        }

        if (isDiscoveryDisabled)
        {
            asked = true;
            services.Logger.LogInformation("Skipping programmatic subscription loading (see 'disable-init-endpoints' flag/annotation)");
            return true;
        }

        var answer = await discovery.AskAsync(cancellationToken);
        asked = true;
        catalog.SetProgrammatic(answer ?? []);
        return answer is not null;
    }

    private Func<SubscriptionDefinition, IEventReceiver>? NewReceivers()
        => app switch
        {
            { Http: { } http } => definition => new HttpEventReceiver(http, definition.PubSub),
            { Grpc: { } grpc } => definition => new GrpcEventReceiver(grpc, definition.PubSub),
            _ => null,
        };
}
