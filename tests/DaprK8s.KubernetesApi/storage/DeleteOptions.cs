using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>How an object is to be deleted.</summary>
internal sealed record DeleteOptions
{
    /// <summary><c>Foreground</c>, <c>Background</c> or <c>Orphan</c>.</summary>
    public string? PropagationPolicy { get; init; }

    /// <summary>The time that a pod has to end, in seconds; its own wish when absent.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary>The object must be this one.</summary>
    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public bool DryRun { get; init; }

    /// <summary>The body goes before the query.</summary>
    public static DeleteOptions Read(JsonObject? body, IQueryCollection query) => new()
    {
        PropagationPolicy = (string?)body?["propagationPolicy"] ?? (string?)query["propagationPolicy"]
            ?? ((bool?)body?["orphanDependents"] == true || (string?)query["orphanDependents"] == "true" ? "Orphan" : null),
        GracePeriodSeconds = (long?)body?["gracePeriodSeconds"]
            ?? (long.TryParse(query["gracePeriodSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : null),
        Uid = (string?)body?["preconditions"]?["uid"],
        ResourceVersion = (string?)body?["preconditions"]?["resourceVersion"],
        DryRun = body?["dryRun"] is JsonArray { Count: > 0 } || query.ContainsKey("dryRun"),
    };
}
