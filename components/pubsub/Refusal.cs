namespace DaprK8s.Components.PubSub;

/// <summary>The refusals that every broker words alike (contract: components 4.1).</summary>
internal static class Refusal
{
    /// <summary>The component was closed.</summary>
    public static PublishRejectedException Closed() => new("component is closed");

    /// <summary>A publish or subscribe request names no topic.</summary>
    public static PublishRejectedException NoTopic() => new("topic is empty");
}
