using System.Text.Json.Serialization;
using DaprK8s.Common.Resources.Schema;

namespace DaprK8s.Common.Resources;

/// <summary>A sidecar in which a resource failed.</summary>
public sealed class FailingApp
{
    /// <summary>The app id of the sidecar.</summary>
    [Schema(Required = true)]
    public string AppID { get; set; } = "";

    /// <summary>The pod that it runs in.</summary>
    public string? Pod { get; set; }

    /// <summary>Why, in one word for machines, for example <c>InitFailed</c>.</summary>
    public string? Reason { get; set; }

    /// <summary>Why, for people. Never holds a secret.</summary>
    public string? Message { get; set; }

    /// <summary>Since when.</summary>
    [JsonConverter(typeof(ApiTimeConverter))]
    public DateTimeOffset? Since { get; set; }
}
