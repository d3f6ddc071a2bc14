using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Validation;

/// <summary>
/// Judges a resource that is being applied: refuses what no sidecar could use, and warns of what it could not use yet. Answers an
/// <c>AdmissionReview</c>'s request; knows nothing of HTTP.
/// </summary>
internal sealed class ResourceJudge
{
    private readonly IClusterResources cluster;
    private readonly ComponentRules components;
    private readonly HttpEndpointRules endpoints;
    private readonly McpServerJudge mcpServers;
    private readonly ConfigurationRules configurations;

    /// <summary>Makes a judge.</summary>
    /// <param name="catalogue">The component types that there are.</param>
    /// <param name="allowedTypes">Component types that are taken unseen; see <see cref="ComponentRules"/>.</param>
    /// <param name="cluster">What else there is.</param>
    public ResourceJudge(ComponentCatalogue catalogue, IReadOnlyList<string> allowedTypes, IClusterResources cluster)
    {
        var secrets = new SecretRules(cluster);
        this.cluster = cluster;
        components = new ComponentRules(catalogue, allowedTypes, secrets);
        endpoints = new HttpEndpointRules(secrets);
        mcpServers = new McpServerJudge(secrets);
        configurations = new ConfigurationRules(catalogue, secrets);
    }

    /// <summary>Judges a request.</summary>
    /// <param name="request">The member <c>request</c> of the review.</param>
    /// <param name="cancellationToken">Ends the look-ups.</param>
    public async ValueTask<Verdict> JudgeAsync(JsonObject request, CancellationToken cancellationToken)
    {
        // Deleting is always allowed, and what is only reported on is not the author's.
        if (TextOf(request["operation"]) is not ("CREATE" or "UPDATE") || TextOf(request["subResource"]).Length > 0
            || request["object"] is not JsonObject resource || IsUnchanged(resource, request["oldObject"]))
        {
            return Verdict.Accepted;
        }

        var kind = TextOf(resource["kind"]);
        var metadata = resource["metadata"] as JsonObject;
        var name = TextOf(metadata?["name"]) is { Length: > 0 } given ? given : TextOf(metadata?["generateName"]);
        var @namespace = TextOf(request["namespace"]);
        var findings = new Findings();
        try
        {
            await CheckAsync(kind, resource, @namespace, findings, cancellationToken);
        }
        catch (JsonException e)
        {
            findings.Refuse(e.Path is { Length: > 0 } path ? path.TrimStart('$', '.') : "spec", "has another type than this field can have");
        }

        return findings.ToVerdict($"{kind} \"{name}\"");
    }

    private async ValueTask CheckAsync(string kind, JsonObject resource, string @namespace, Findings findings, CancellationToken cancellationToken)
    {
        switch (kind)
        {
            case "Component":
                await components.CheckAsync(Read(resource, DaprResources.Components), @namespace, findings, cancellationToken);
                break;
            case "Subscription":
                SubscriptionRules.Check(Read(resource, DaprResources.Subscriptions), @namespace, cluster, findings);
                break;
            case "Resiliency":
                ResiliencyRules.Check(Read(resource, DaprResources.Resiliencies), @namespace, cluster, findings);
                break;
            case "HTTPEndpoint":
                await endpoints.CheckAsync(Read(resource, DaprResources.HttpEndpoints), @namespace, findings, cancellationToken);
                break;
            case "Configuration":
                await configurations.CheckAsync(Read(resource, DaprResources.Configurations), @namespace, findings, cancellationToken);
                break;
            case "MCPServer":
                await mcpServers.CheckAsync(Read(resource, DaprResources.McpServers), @namespace, findings, cancellationToken);
                break;
            case "WorkflowAccessPolicy":
                findings.Problems.AddRange(WorkflowAccessPolicyRules.CheckSchema(Read(resource, DaprResources.WorkflowAccessPolicies)));
                break;
        }
    }

    private static T Read<T>(JsonObject resource, ApiResource<T> kind)
        where T : Resource
        => SidecarDocument.Read((JsonObject)resource.DeepClone(), kind.Json);

    // A label or a finalizer must stay changeable on a resource that was wrong before it was judged at all.
    private static bool IsUnchanged(JsonObject resource, JsonNode? old)
        => old is JsonObject before && JsonNode.DeepEquals(resource["spec"], before["spec"]) && JsonNode.DeepEquals(resource["auth"], before["auth"]);

    private static string TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";
}
