using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Resources;

/// <summary>
/// Where documents refer to Secrets of the cluster (contract: k8s 2.8). References to another secret store are the sidecar's business and
/// are not found here.
/// </summary>
internal static class SecretReferences
{
    /// <summary>For kinds that refer to none.</summary>
    public static List<SecretReference> None(JsonObject document) => [];

    /// <summary><c>spec.metadata[]</c>.</summary>
    public static List<SecretReference> OfComponent(JsonObject document)
        => IsCluster(document) ? Items(document.Member("spec").Member("metadata"), MissingKey.Leave) : [];

    /// <summary><c>spec.headers[]</c> and the three parts of <c>spec.clientTLS</c>.</summary>
    public static List<SecretReference> OfHttpEndpoint(JsonObject document)
    {
        if (!IsCluster(document))
        {
            return [];
        }

        var spec = document.Member("spec");
        var found = Items(spec.Member("headers"), MissingKey.Null);
        foreach (var part in (ReadOnlySpan<string>)["rootCA", "certificate", "privateKey"])
        {
            if (spec.Member("clientTLS").Member(part) is JsonObject item && HasSecret(item))
            {
                found.Add(new SecretReference(item, part) { OnMissingKey = MissingKey.Null });
            }
        }

        return found;
    }

    /// <summary>The headers of both HTTP transports, and the variables of a process.</summary>
    public static List<SecretReference> OfMcpServer(JsonObject document)
    {
        var name = document.Member("metadata").Member("name").Text();
        var endpoint = document.Member("spec").Member("endpoint");
        List<SecretReference> found = [];
        foreach (var (transport, list, field) in
            (ReadOnlySpan<(string, string, string)>)[("streamableHTTP", "headers", "streamableHTTP header"), ("sse", "headers", "sse header"), ("stdio", "env", "stdio env")])
        {
            if (endpoint.Member(transport) is JsonObject t && IsCluster(t))
            {
                found.AddRange(Items(t.Member(list), MissingKey.Null)
                    .Select(i => i with { Wrap = problem => $"error resolving {field} secret for MCPServer \"{name}\": {problem}" }));
            }
        }

        return found;
    }

    /// <summary><c>spec.tracing.otel.headers[]</c>, as plain text.</summary>
    public static List<SecretReference> OfConfiguration(JsonObject document)
        => [.. Items(document.Member("spec").Member("tracing").Member("otel").Member("headers"), MissingKey.Fail)
            .Select(i => i with { IsPlain = true })];

    private static List<SecretReference> Items(JsonNode? list, MissingKey onMissingKey)
        => [.. list.Objects().Where(HasSecret).Select(i => new SecretReference(i, i.Member("name").Text()) { OnMissingKey = onMissingKey })];

    private static bool HasSecret(JsonObject item) => item.Member("secretKeyRef").Member("name").Text().Length > 0;

    private static bool IsCluster(JsonObject holder) => holder.Member("auth").Member("secretStore").Text() is "" or "kubernetes";
}
