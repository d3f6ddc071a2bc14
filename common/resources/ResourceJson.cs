using System.Text.Json.Serialization;

namespace DaprK8s.Common.Resources;

/// <summary>Reads the typed resources from JSON: names without regard to case, unknown fields ignored, numbers also as text.</summary>
[JsonSourceGenerationOptions(
    PropertyNameCaseInsensitive = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowReadingFromString,
    Converters = [typeof(LooseStringConverter), typeof(LooseElementConverter)])]
[JsonSerializable(typeof(Component))]
[JsonSerializable(typeof(Configuration))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
[JsonSerializable(typeof(HttpEndpoint))]
[JsonSerializable(typeof(Subscription))]
[JsonSerializable(typeof(Resiliency))]
[JsonSerializable(typeof(McpServer))]
[JsonSerializable(typeof(WorkflowAccessPolicy))]
[JsonSerializable(typeof(UntypedResource))]
[JsonSerializable(typeof(ResourceStatus))]
[JsonSerializable(typeof(List<NameValuePair>))]
internal sealed partial class ResourceJson : JsonSerializerContext;
