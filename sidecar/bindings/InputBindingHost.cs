using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>
/// Starts and stops the app's input bindings as the app comes and goes (contract: messaging 4.3, 4.6). Components that are added
/// while the app is there are read as well.
/// </summary>
internal sealed class InputBindingHost(ComponentRegistry registry, BindingDiscovery discovery, BindingServices services)
{
    private readonly SemaphoreSlim turn = new(1);
    private readonly List<InputBindingRun> runs = [];
    private CancellationTokenSource? on;
    private Task following = Task.CompletedTask;
    private bool isDrained;

    /// <summary>Reads the bindings that the app wants.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            if (!isDrained && on is null && services.App is not { Http: null, Grpc: null })
            {
                on = new CancellationTokenSource();
                following = FollowAsync(on.Token);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Stops reading; returns when the events under way are answered.</summary>
    public async Task StopAsync()
    {
        await turn.WaitAsync();
        try
        {
            if (on is { } source)
            {
                on = null;
                await source.CancelAsync();
                await following;
                await Task.WhenAll(runs.ConvertAll(r => r.StopAsync()));
                runs.Clear();
                source.Dispose();
            }
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Stops reading for good.</summary>
    public async Task DrainAsync()
    {
        isDrained = true;
        await StopAsync();
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var changed = registry.Changed;
            var wanted = registry.All.Where(c => c.Kind == ComponentKind.Binding).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
            var gone = runs.FindAll(r => !wanted.Contains(r.Name));
            runs.RemoveAll(gone.Contains);
            await Task.WhenAll(gone.ConvertAll(r => r.StopAsync()));
            wanted.ExceptWith(runs.Select(r => r.Name));
            runs.AddRange(wanted.Select(n => new InputBindingRun(n, registry, discovery, services)));
            await changed.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
