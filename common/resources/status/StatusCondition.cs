using System.Text.Json.Serialization;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>One aspect of a resource's state, in the shape that Kubernetes' own kinds use (<c>metav1.Condition</c>).</summary>
public sealed class StatusCondition
{
    /// <summary>What the condition is about, for example <c>Ready</c>.</summary>
    [Schema(Required = true, MaxLength = 316,
        Pattern = @"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$")]
    public string Type { get; set; } = "";

    /// <summary>True, False or Unknown.</summary>
    [Schema(Required = true, Enum = ["True", "False", "Unknown"])]
    public string Status { get; set; } = "Unknown";

    /// <summary>The metadata.generation that the condition was found at.</summary>
    [Schema(Format = "int64", Minimum = 0)]
    public long? ObservedGeneration { get; set; }

    /// <summary>When the status last went from one value to another.</summary>
    [Schema(Required = true)]
    [JsonConverter(typeof(ApiTimeConverter))]
    public DateTimeOffset LastTransitionTime { get; set; }

    /// <summary>Why, in one word for machines.</summary>
    [Schema(Required = true, MinLength = 1, MaxLength = 1024, Pattern = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    public string Reason { get; set; } = "";

    /// <summary>Why, for people; may be empty.</summary>
    [Schema(Required = true, MaxLength = 32768)]
    public string Message { get; set; } = "";
}
