using DaprK8s.Protos.Operator.V1;
using DaprK8s.Sidecar.Reload;
using Google.Protobuf;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>How one kind of resource is had from the operator: the call that lists it, and the stream of its changes (contract: k8s 2.5).</summary>
/// <param name="Kind">One of <see cref="ResourceKinds"/>.</param>
/// <param name="ListAsync">Lists the documents, tried again as often as is said.</param>
/// <param name="Watch">Opens the stream.</param>
internal sealed record ServedKind(
    string Kind, Func<int, CancellationToken, Task<IReadOnlyList<ByteString>>> ListAsync, Func<CancellationToken, ChangeStream> Watch)
{
    /// <summary>The kinds of which there may be several, in the order in which they are loaded.</summary>
    /// <param name="operator">The operator.</param>
    /// <param name="namespace">Whose.</param>
    public static IReadOnlyList<ServedKind> CreateListed(OperatorConnection @operator, string @namespace)
    {
        var ns = @namespace;
        return
        [
            new(
                ResourceKinds.Resiliency,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListResiliency", new ListResiliencyRequest { Namespace = ns }, ListResiliencyResponse.Parser, ct, retries)).Resiliencies,
                ct => ChangeStream.Of(
                    @operator.Open("ResiliencyUpdate", new ResiliencyUpdateRequest { Namespace = ns }, ResiliencyUpdateEvent.Parser, ct),
                    static e => (e.Resiliency, e.Type))),
            new(
                ResourceKinds.Component,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListComponents", new ListComponentsRequest { Namespace = ns }, ListComponentResponse.Parser, ct, retries)).Components,
                ct => ChangeStream.Of(
                    @operator.Open("ComponentUpdate", new ComponentUpdateRequest { Namespace = ns }, ComponentUpdateEvent.Parser, ct),
                    static e => (e.Component, e.Type))),
            new(
                ResourceKinds.HttpEndpoint,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListHTTPEndpoints", new ListHTTPEndpointsRequest { Namespace = ns }, ListHTTPEndpointsResponse.Parser, ct, retries)).HttpEndpoints,
                ct => ChangeStream.Of(
                    @operator.Open("HTTPEndpointUpdate", new HTTPEndpointUpdateRequest { Namespace = ns }, HTTPEndpointUpdateEvent.Parser, ct),
                    static e => (e.HttpEndpoints, e.Type))),
            new(
                ResourceKinds.Subscription,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListSubscriptionsV2", new ListSubscriptionsRequest { Namespace = ns }, ListSubscriptionsResponse.Parser, ct, retries)).Subscriptions,
                ct => ChangeStream.Of(
                    @operator.Open("SubscriptionUpdate", new SubscriptionUpdateRequest { Namespace = ns }, SubscriptionUpdateEvent.Parser, ct),
                    static e => (e.Subscription, e.Type))),
            new(
                ResourceKinds.WorkflowAccessPolicy,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListWorkflowAccessPolicy", new ListWorkflowAccessPolicyRequest { Namespace = ns }, ListWorkflowAccessPolicyResponse.Parser, ct,
                    retries)).Policies,
                ct => ChangeStream.Of(
                    @operator.Open(
                        "WorkflowAccessPolicyUpdate", new WorkflowAccessPolicyUpdateRequest { Namespace = ns }, WorkflowAccessPolicyUpdateEvent.Parser, ct),
                    static e => (e.Policy, e.Type))),
            new(
                ResourceKinds.McpServer,
                async (retries, ct) => (await @operator.CallAsync(
                    "ListMCPServers", new ListMCPServersRequest { Namespace = ns }, ListMCPServersResponse.Parser, ct, retries)).McpServers,
                ct => ChangeStream.Of(
                    @operator.Open("MCPServerUpdate", new MCPServerUpdateRequest { Namespace = ns }, MCPServerUpdateEvent.Parser, ct),
                    static e => (e.McpServer, e.Type))),
        ];
    }

    /// <summary>The one Configuration that the sidecar has.</summary>
    /// <param name="operator">The operator.</param>
    /// <param name="namespace">Whose.</param>
    /// <param name="name">Its name.</param>
    public static ServedKind CreateConfiguration(OperatorConnection @operator, string @namespace, string name)
        => new(
            ResourceKinds.Configuration,
            async (retries, ct) => (await @operator.CallAsync(
                "GetConfiguration", new GetConfigurationRequest { Namespace = @namespace, Name = name }, GetConfigurationResponse.Parser, ct, retries))
                .Configuration is { IsEmpty: false } document ? [document] : [],
            ct => ChangeStream.Of(
                @operator.Open("ConfigurationUpdate", new ConfigurationUpdateRequest { Namespace = @namespace }, ConfigurationUpdateEvent.Parser, ct),
                static e => (e.Configuration, e.Type)));
}
