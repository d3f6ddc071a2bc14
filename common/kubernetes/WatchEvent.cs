using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <summary>One line of a watch.</summary>
/// <param name="Type"><c>ADDED</c>, <c>MODIFIED</c>, <c>DELETED</c>, <c>BOOKMARK</c> or <c>ERROR</c>.</param>
/// <param name="Object">The object, or the status of an error.</param>
internal readonly record struct WatchEvent(string Type, JsonElement Object);
