using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.ConfigurationApi;

/// <summary>A configuration store that a test drives.</summary>
internal sealed class ScriptedConfigurationStore : IConfigurationStore
{
    private readonly TaskCompletionSource subscribed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask>? subscriber;

    public Exception? Failure { get; init; }

    /// <summary>Completes when somebody has subscribed.</summary>
    public Task Subscribed => subscribed.Task;

    /// <summary>Completes when the subscription has been ended.</summary>
    public Task Ended => ended.Task;

    public IReadOnlyList<string> Keys { get; private set; } = [];

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> GetAsync(
        IReadOnlyList<string> keys, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => Failure is null ? new(new Dictionary<string, ConfigurationItem>()) : throw Failure;

    public ValueTask<IAsyncDisposable> SubscribeAsync(
        IReadOnlyList<string> keys,
        IReadOnlyDictionary<string, string> metadata,
        Func<IReadOnlyDictionary<string, ConfigurationItem>, CancellationToken, ValueTask> onUpdate,
        CancellationToken cancellationToken)
    {
        if (Failure is not null)
        {
            throw Failure;
        }

        (Keys, subscriber) = (keys, onUpdate);
        subscribed.TrySetResult();
        return new(new Ending(ended));
    }

    public ValueTask TellAsync(string key, string value)
        => subscriber!(new Dictionary<string, ConfigurationItem> { [key] = new(value, "1") }, CancellationToken.None);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Ending(TaskCompletionSource ended) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            ended.TrySetResult();
            return ValueTask.CompletedTask;
        }
    }
}
