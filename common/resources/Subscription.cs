namespace DaprK8s.Common.Resources;

/// <summary>A Subscription resource of either version (contract: k8s 1.5).</summary>
public sealed class Subscription : Resource
{
    /// <summary>What is subscribed and where deliveries go.</summary>
    public SubscriptionSpec Spec { get; init; } = new();
}

/// <summary>The specification; <see cref="Route"/> belongs to v1alpha1, <see cref="Routes"/> to v2alpha1.</summary>
public sealed class SubscriptionSpec
{
    /// <summary>The pub/sub component.</summary>
    public string Pubsubname { get; init; } = "";

    /// <summary>The topic.</summary>
    public string Topic { get; init; } = "";

    /// <summary>The path of every delivery (v1alpha1).</summary>
    public string? Route { get; init; }

    /// <summary>Paths by rule (v2alpha1).</summary>
    public SubscriptionRoutes? Routes { get; init; }

    /// <summary>Subscription metadata.</summary>
    public Dictionary<string, string>? Metadata { get; init; }

    /// <summary>Where undeliverable messages go.</summary>
    public string? DeadLetterTopic { get; init; }

    /// <summary>Bulk delivery.</summary>
    public BulkSubscribe? BulkSubscribe { get; init; }
}

/// <summary>Rules in order, then a default.</summary>
public sealed class SubscriptionRoutes
{
    /// <summary>The first rule that matches decides.</summary>
    public List<SubscriptionRule>? Rules { get; init; }

    /// <summary>The path when no rule matches.</summary>
    public string? Default { get; init; }
}

/// <summary>One rule.</summary>
public sealed class SubscriptionRule
{
    /// <summary>A CEL expression over <c>event</c>; empty matches everything.</summary>
    public string? Match { get; init; }

    /// <summary>The path.</summary>
    public string? Path { get; init; }
}

/// <summary>Bulk delivery settings.</summary>
public sealed class BulkSubscribe
{
    /// <summary>On or off.</summary>
    public bool Enabled { get; init; }

    /// <summary>The most messages of a batch.</summary>
    public int MaxMessagesCount { get; init; }

    /// <summary>How long to wait for a batch to fill, in milliseconds.</summary>
    public int MaxAwaitDurationMs { get; init; }
}
