using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Configuration;

/// <summary>
/// The updates of one subscription on their way to the subscriber: told one after the other, and no more of them held than there are
/// keys, however slow the subscriber is.
/// </summary>
internal sealed class ConfigurationUpdates : IAsyncDisposable
{
    private readonly HashSet<string> keys;
    private readonly Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask> onUpdate;
    private readonly Action<ConfigurationUpdates> ended;
    private readonly ILogger logger;
    private readonly CancellationTokenSource stop = new();
    private readonly SemaphoreSlim signal = new(0, 1);
    private readonly Lock gate = new();
    private readonly Task loop;
    private Dictionary<string, ConfigurationItem> pending = new(StringComparer.Ordinal);

    /// <summary>Begins to tell what is offered.</summary>
    /// <param name="keys">Which keys; none for all.</param>
    /// <param name="onUpdate">The subscriber.</param>
    /// <param name="ended">Told when the subscription has ended.</param>
    /// <param name="logger">For a subscriber that throws.</param>
    public ConfigurationUpdates(
        IReadOnlyList<string> keys,
        Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask> onUpdate,
        Action<ConfigurationUpdates> ended,
        ILogger logger)
    {
        this.keys = [.. keys];
        (this.onUpdate, this.ended, this.logger) = (onUpdate, ended, logger);
        loop = Task.Run(TellAsync);
    }

    /// <summary>Tells changed items, as far as they are subscribed to. Does not block.</summary>
    public void Offer(IEnumerable<KeyValuePair<string, ConfigurationItem>> changed)
    {
        lock (gate)
        {
            var before = pending.Count;
            foreach (var (key, item) in changed)
            {
                if (keys.Count == 0 || keys.Contains(key))
                {
                    pending[key] = item;
                }
            }

            if (before == 0 && pending.Count > 0)
            {
                signal.Release();
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        ended(this);
        await stop.CancelAsync();
        await loop;
    }

    private async Task TellAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await signal.WaitAsync(stop.Token);
                await onUpdate(TakePending(), stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LogError(e, "an update of the configuration could not be told");
            }
        }
    }

    private Dictionary<string, ConfigurationItem> TakePending()
    {
        lock (gate)
        {
            var taken = pending;
            pending = new(StringComparer.Ordinal);
            return taken;
        }
    }
}
