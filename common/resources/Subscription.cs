using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>A Subscription sends the messages of a topic to a path of the apps that it is for.</summary>
/// <remarks>Contract: k8s 1.5, both versions.</remarks>
[CustomResource("Subscription", "subscriptions", "dsub", "subscription", Versions = ["v1alpha1", "v2alpha1"])]
[PrinterColumn("Ready", """.status.conditions[?(@.type=="Ready")].status""", "Whether every sidecar that uses the subscription has it in use.")]
[PrinterColumn("PubSub", ".spec.pubsubname", "The pub/sub component.")]
[PrinterColumn("Topic", ".spec.topic", "The topic.")]
[PrinterColumn("Route", ".spec.route", "The path that messages go to.", Version = "v1alpha1")]
[PrinterColumn("Route", ".spec.routes.default", "The path of messages that no rule matches.", Version = "v2alpha1")]
[PrinterColumn("Dead-Letter", ".spec.deadLetterTopic", "Where undeliverable messages go.", Wide = true)]
[PrinterColumn("Apps", ".status.apps.summary", "Sidecars that have it in use, of those that use it.")]
[PrinterColumn("Age", ".metadata.creationTimestamp", "How long it has been there.", Type = "date")]
public sealed class Subscription : Resource
{
    /// <summary>What is subscribed to and where deliveries go.</summary>
    public SubscriptionSpec Spec { get; set; } = new();
}

/// <summary>The specification; <see cref="Route"/> belongs to v1alpha1, <see cref="Routes"/> to v2alpha1.</summary>
public sealed class SubscriptionSpec
{
    /// <summary>Name of the pub/sub component.</summary>
    [Schema(Required = true)]
    public string Pubsubname { get; set; } = "";

    /// <summary>The topic. Some brokers also take wildcards.</summary>
    [Schema(Required = true)]
    public string Topic { get; set; } = "";

    /// <summary>Path of the app that every message goes to, for example <c>/orders</c>.</summary>
    [Schema(Required = true, Version = "v1alpha1")]
    public string? Route { get; set; }

    /// <summary>Paths of the app that messages go to, chosen by rules.</summary>
    [Schema(Required = true, Version = "v2alpha1")]
    public SubscriptionRoutes? Routes { get; set; }

    /// <summary>Settings for this subscription, by the broker, for example <c>rawPayload: "true"</c>.</summary>
    public Dictionary<string, string>? Metadata { get; set; }

    /// <summary>Topic of the same component that messages go to when they can't be delivered. Without it they are dropped or come again, as the broker does.</summary>
    public string? DeadLetterTopic { get; set; }

    /// <summary>Delivery of many messages in one request.</summary>
    public BulkSubscribe? BulkSubscribe { get; set; }
}

/// <summary>Rules in order, then a default.</summary>
public sealed class SubscriptionRoutes
{
    /// <summary>Tried in this order; the first that matches decides.</summary>
    public List<SubscriptionRule>? Rules { get; set; }

    /// <summary>Path for messages that no rule matches, for example <c>/orders</c>. Without it such messages are dropped.</summary>
    public string? Default { get; set; }
}

/// <summary>One rule.</summary>
public sealed class SubscriptionRule
{
    /// <summary>
    /// A CEL expression over the CloudEvent, which is named <c>event</c>, for example <c>event.type == "widget"</c> or
    /// <c>event.data.total &gt; 100</c>. Empty matches everything.
    /// </summary>
    [Schema(Required = true)]
    public string? Match { get; set; }

    /// <summary>Path for messages that match, for example <c>/widgets</c>.</summary>
    [Schema(Required = true)]
    public string? Path { get; set; }
}

/// <summary>Bulk delivery settings.</summary>
public sealed class BulkSubscribe
{
    /// <summary>Whether messages are delivered in bulk.</summary>
    [Schema(Required = true)]
    public bool Enabled { get; set; }

    /// <summary>The most messages in one delivery. Default 100.</summary>
    [Schema(Format = "int32")]
    public int MaxMessagesCount { get; set; }

    /// <summary>How long a delivery waits to fill up, in milliseconds. Default 1000.</summary>
    [Schema(Format = "int32")]
    public int MaxAwaitDurationMs { get; set; }
}
