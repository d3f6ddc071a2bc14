using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>Components' statuses and events as the API server has them.</summary>
internal static class Statuses
{
    public static JsonObject? StatusOf(this OperatorCluster cluster, string name)
        => cluster.Server.Objects.Find("components.dapr.io", "default", name) is { } found && found.TryGetProperty("status", out var status)
            ? JsonNode.Parse(status.GetRawText())!.AsObject() : null;

    /// <summary><c>True Loaded 1/1</c></summary>
    public static string ConditionOf(this OperatorCluster cluster, string name)
        => cluster.StatusOf(name) is not { } s ? "none"
            : s["conditions"]!.AsArray() is [{ } condition] ? $"{condition["status"]} {condition["reason"]} {s["apps"]!["summary"]}"
            : $"no condition {s["apps"]!["summary"]}";

    public static Task HasConditionAsync(this OperatorCluster cluster, string name, string condition)
        => Eventually.TrueAsync(() => ValueTask.FromResult(cluster.ConditionOf(name) == condition), () => $"the status of {name} is {condition}, not {cluster.ConditionOf(name)}");

    /// <summary>The statuses that the API server was asked to write.</summary>
    public static int StatusWrites(this OperatorCluster cluster) => cluster.Server.Faults.Count("patch", "components.dapr.io");

    /// <summary><c>Warning InitFailed message</c></summary>
    public static IReadOnlyList<string> EventsOf(this OperatorCluster cluster, string name)
        => [.. cluster.Server.Objects.List("events")
            .Where(e => e.GetProperty("involvedObject").GetProperty("name").GetString() == name)
            .Select(e => $"{e.GetProperty("type").GetString()} {e.GetProperty("reason").GetString()} {e.GetProperty("message").GetString()}").Order(StringComparer.Ordinal)];
}
