namespace DaprK8s.Components.PubSub.Sqlite;

/// <summary>Something for the broker's loop to do.</summary>
internal abstract class BrokerCommand
{
    private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once the command's effect is in the file.</summary>
    public Task Done => done.Task;

    /// <summary>The command took effect.</summary>
    public void Complete() => done.TrySetResult();

    /// <summary>The command could not be carried out.</summary>
    public void Fail(Exception reason)
    {
        done.TrySetException(reason);
        _ = done.Task.Exception; // Observed here: the caller may have given up.
    }
}

/// <summary>Store a message.</summary>
internal sealed class PublishCommand(PublishMessage message, long? expiresAt) : BrokerCommand
{
    public string Topic { get; } = message.Topic;

    // The publisher gets its memory back when it gives up, which may be before the loop comes to this.
    public byte[] Data { get; } = message.Data.ToArray();

    public string? ContentType { get; } = message.ContentType;

    public string? Metadata { get; } = MetadataText.Write(message.Metadata);

    public long? ExpiresAt { get; } = expiresAt;
}

/// <summary>Make a subscription's group and start to hand out.</summary>
internal sealed class OpenCommand(SqliteSubscription subscription) : BrokerCommand
{
    public SqliteSubscription Subscription { get; } = subscription;
}

/// <summary>Hand out nothing more to a subscription.</summary>
internal sealed class PauseCommand(SqliteSubscription subscription) : BrokerCommand
{
    public SqliteSubscription Subscription { get; } = subscription;
}

/// <summary>Forget a subscription; what it did not answer goes to others.</summary>
internal sealed class CloseCommand(SqliteSubscription subscription) : BrokerCommand
{
    public SqliteSubscription Subscription { get; } = subscription;
}

/// <summary>A handler's answer.</summary>
internal readonly record struct Answer(SqliteSubscription Subscription, long MessageId, int Attempt, Settlement Settlement);
