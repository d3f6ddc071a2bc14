namespace DaprK8s.Components.PubSub.Redis;

/// <summary>A stream entry that this process has fetched for its consumer group and not settled yet.</summary>
internal sealed class StreamMessage(string id, BrokerMessage content)
{
    /// <summary>The entry's id.</summary>
    public string Id { get; } = id;

    /// <summary>What the handler gets.</summary>
    public BrokerMessage Content { get; } = content;

    /// <summary>A handler has it; until then it waits in this process.</summary>
    public bool IsHandedOut { get; set; }

    /// <summary>The timestamp at which the server was last told that the message is in good hands.</summary>
    public long ClaimedAt { get; set; }
}
