namespace DaprK8s.Components.Tests.Conformance;

/// <summary>
/// What a broker promises beyond the common contract. Every trait is tested both ways: where it is absent, the suite
/// checks that its absence harms nothing else.
/// </summary>
public sealed record PubSubTraits
{
    /// <summary>A message answered with <see cref="Settlement.Nack"/> is delivered again.</summary>
    public bool RedeliversNacked { get; init; } = true;

    /// <summary>A message answered with <see cref="Settlement.Leave"/> by a subscription that then ends is delivered to another consumer.</summary>
    public bool RedeliversLeft { get; init; } = true;

    /// <summary>Messages of one publisher on one topic are handed out in publish order.</summary>
    public bool InOrder { get; init; } = true;

    /// <summary>Messages published while a known consumer id has no subscription wait for it.</summary>
    public bool KeepsForAbsent { get; init; } = true;

    /// <summary>Subscribers with the same consumer id share the messages; without it each of them gets every message.</summary>
    public bool CompetingConsumers { get; init; } = true;

    /// <summary>Publish metadata reaches the subscriber as message metadata.</summary>
    public bool CarriesMetadata { get; init; } = true;

    /// <summary>Instances of the component in different processes see each other's messages; without it only one's own.</summary>
    public bool SharedBetweenInstances { get; init; } = true;

    /// <summary>How long the slowest step may take, for brokers that redeliver on a timer.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}
