using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Pods;
using DaprK8s.Operator.Resources;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace DaprK8s.Operator.Api;

/// <summary>The gRPC API for sidecars (contract: k8s 2.5 to 2.9): resources of their namespace, from the caches, and their changes.</summary>
internal sealed class OperatorService(ResourceFeeds feeds, AnnotatedPods pods, SecretInlining secrets, UpdateStreams streams) : IGrpcCallObserver
{
    private const string Service = "dapr.proto.operator.v1.Operator";

    /// <summary>Adds the methods to a table.</summary>
    public void Register(GrpcMethods methods)
    {
        methods.Unary(Service, "ListComponents", ListComponentsRequest.Parser, ListComponentsAsync);
        methods.Unary(Service, "GetConfiguration", GetConfigurationRequest.Parser, GetConfigurationAsync);
        methods.Unary<Empty, ListSubscriptionsResponse>(Service, "ListSubscriptions", Empty.Parser, RefuseListSubscriptions);
        methods.Unary(Service, "GetResiliency", GetResiliencyRequest.Parser, GetResiliencyAsync);
        methods.Unary(Service, "ListResiliency", ListResiliencyRequest.Parser, ListResiliencyAsync);
        methods.Unary(Service, "ListSubscriptionsV2", ListSubscriptionsRequest.Parser, ListSubscriptionsAsync);
        methods.Unary(Service, "ListHTTPEndpoints", ListHTTPEndpointsRequest.Parser, ListHttpEndpointsAsync);
        methods.Unary(Service, "ListMCPServers", ListMCPServersRequest.Parser, ListMcpServersAsync);
        methods.Unary(Service, "ListWorkflowAccessPolicy", ListWorkflowAccessPolicyRequest.Parser, ListWorkflowAccessPoliciesAsync);
        methods.ServerStream<ComponentUpdateRequest, ComponentUpdateEvent>(
            Service, "ComponentUpdate", ComponentUpdateRequest.Parser,
            (r, w, c) => StreamAsync(feeds[ResourceKind.Component], r.Namespace, static (d, t) => new ComponentUpdateEvent { Component = d, Type = t }, w, c));
        methods.ServerStream<SubscriptionUpdateRequest, SubscriptionUpdateEvent>(
            Service, "SubscriptionUpdate", SubscriptionUpdateRequest.Parser,
            (r, w, c) => StreamAsync(feeds[ResourceKind.Subscription], r.Namespace, static (d, t) => new SubscriptionUpdateEvent { Subscription = d, Type = t }, w, c));
        methods.ServerStream<HTTPEndpointUpdateRequest, HTTPEndpointUpdateEvent>(
            Service, "HTTPEndpointUpdate", HTTPEndpointUpdateRequest.Parser,
            (r, w, c) => StreamAsync(feeds[ResourceKind.HttpEndpoint], r.Namespace, static (d, t) => new HTTPEndpointUpdateEvent { HttpEndpoints = d, Type = t }, w, c));
        methods.ServerStream<MCPServerUpdateRequest, MCPServerUpdateEvent>(
            Service, "MCPServerUpdate", MCPServerUpdateRequest.Parser,
            (r, w, c) => StreamAsync(feeds[ResourceKind.McpServer], r.Namespace, static (d, t) => new MCPServerUpdateEvent { McpServer = d, Type = t }, w, c));
        methods.ServerStream<ResiliencyUpdateRequest, ResiliencyUpdateEvent>(
            Service, "ResiliencyUpdate", ResiliencyUpdateRequest.Parser,
            (r, w, c) => StreamAsync(feeds[ResourceKind.Resiliency], r.Namespace, static (d, t) => new ResiliencyUpdateEvent { Resiliency = d, Type = t }, w, c));
        methods.ServerStream<WorkflowAccessPolicyUpdateRequest, WorkflowAccessPolicyUpdateEvent>(
            Service, "WorkflowAccessPolicyUpdate", WorkflowAccessPolicyUpdateRequest.Parser,
            (r, w, c) => StreamAsync(
                feeds[ResourceKind.WorkflowAccessPolicy], r.Namespace, static (d, t) => new WorkflowAccessPolicyUpdateEvent { Policy = d, Type = t }, w, c));
        methods.ServerStream<ConfigurationUpdateRequest, ConfigurationUpdateEvent>(
            Service, "ConfigurationUpdate", ConfigurationUpdateRequest.Parser, StreamConfigurationAsync);
    }

    /// <inheritdoc/>
    public RpcException? Translate(Exception exception) => null;

    /// <inheritdoc/>
    public void Completed(GrpcCall call, StatusCode status, int received, int sent, TimeSpan elapsed)
    {
        // The operator has no metrics of its calls.
    }

    private async Task<ListComponentResponse> ListComponentsAsync(ListComponentsRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context, request.Namespace);
        var response = new ListComponentResponse();
        await ListAsync(ResourceKind.Component, request.Namespace, r => r.IsFor(caller.AppId), response.Components, "error getting components: ", context);
        return response;
    }

    private async Task<ListHTTPEndpointsResponse> ListHttpEndpointsAsync(ListHTTPEndpointsRequest request, ServerCallContext context)
    {
        var response = new ListHTTPEndpointsResponse();
        await ListAllAsync(ResourceKind.HttpEndpoint, request.Namespace, response.HttpEndpoints, "error listing http endpoints: ", context);
        return response;
    }

    private async Task<ListMCPServersResponse> ListMcpServersAsync(ListMCPServersRequest request, ServerCallContext context)
    {
        var response = new ListMCPServersResponse();
        await ListAllAsync(ResourceKind.McpServer, request.Namespace, response.McpServers, "error listing MCP servers: ", context);
        return response;
    }

    private async Task<ListSubscriptionsResponse> ListSubscriptionsAsync(ListSubscriptionsRequest request, ServerCallContext context)
    {
        var response = new ListSubscriptionsResponse();
        await ListAllAsync(ResourceKind.Subscription, request.Namespace, response.Subscriptions, "error getting subscriptions: ", context);
        return response;
    }

    private async Task<ListResiliencyResponse> ListResiliencyAsync(ListResiliencyRequest request, ServerCallContext context)
    {
        var response = new ListResiliencyResponse();
        await ListAllAsync(ResourceKind.Resiliency, request.Namespace, response.Resiliencies, "error listing resiliencies: ", context);
        return response;
    }

    private async Task<ListWorkflowAccessPolicyResponse> ListWorkflowAccessPoliciesAsync(ListWorkflowAccessPolicyRequest request, ServerCallContext context)
    {
        var response = new ListWorkflowAccessPolicyResponse();
        await ListAllAsync(ResourceKind.WorkflowAccessPolicy, request.Namespace, response.Policies, "error listing workflow access policies: ", context);
        return response;
    }

    private async Task<GetConfigurationResponse> GetConfigurationAsync(GetConfigurationRequest request, ServerCallContext context)
        => new()
        {
            Configuration = await GetAsync(
                ResourceKind.Configuration, request.Namespace, request.Name, $"error getting configuration {request.Namespace}/{request.Name}: ",
                "error processing configuration secrets: ", context),
        };

    private async Task<GetResiliencyResponse> GetResiliencyAsync(GetResiliencyRequest request, ServerCallContext context)
        => new()
        {
            Resiliency = await GetAsync(
                ResourceKind.Resiliency, request.Namespace, request.Name, "error getting resiliency: ", "error getting resiliency: ", context),
        };

    // The request names no namespace that could be compared with the caller's.
    private static Task<ListSubscriptionsResponse> RefuseListSubscriptions(Empty request, ServerCallContext context)
        => throw Caller.Denied($"identity does not match requested namespace exp= got={Caller.Of(context).Namespace}");

    private Task ListAllAsync(ResourceKind kind, string @namespace, ICollection<ByteString> into, string errorPrefix, ServerCallContext context)
    {
        Caller.Of(context, @namespace);
        return ListAsync(kind, @namespace, static _ => true, into, errorPrefix, context);
    }

    private async Task ListAsync(
        ResourceKind kind, string @namespace, Func<WatchedResource, bool> isFor, ICollection<ByteString> into, string errorPrefix, ServerCallContext context)
    {
        var feed = feeds[kind];
        await feed.WaitForSyncAsync(context.CancellationToken);
        var tells = Caller.TakesSecretProblems(context);
        foreach (var resource in feed.In(@namespace).Where(isFor).OrderBy(r => r.Name, StringComparer.Ordinal))
        {
            into.Add(tells
                ? Wrap(resource, await secrets.ResolveOrTellAsync(resource, context.CancellationToken))
                : await ResolveAsync(resource, errorPrefix, context.CancellationToken));
        }
    }

    private async Task<ByteString> GetAsync(
        ResourceKind kind, string @namespace, string name, string errorPrefix, string secretsPrefix, ServerCallContext context)
    {
        Caller.Of(context, @namespace);
        var feed = feeds[kind];
        await feed.WaitForSyncAsync(context.CancellationToken);
        return feed.Find(@namespace, name) is { } resource
            ? await ResolveAsync(resource, secretsPrefix, context.CancellationToken)
            : throw Failed($"{errorPrefix}{kind.Name}.dapr.io \"{name}\" not found");
    }

    private async ValueTask<ByteString> ResolveAsync(WatchedResource resource, string errorPrefix, CancellationToken cancellationToken)
    {
        try
        {
            return Wrap(resource, await secrets.ResolveAsync(resource, cancellationToken));
        }
        catch (SecretException e)
        {
            throw Failed(errorPrefix + e.Message);
        }
    }

    private Task StreamAsync<TEvent>(
        ResourceFeed feed, string @namespace, Func<ByteString, ResourceEventType, TEvent> make, IServerStreamWriter<TEvent> writer, ServerCallContext context)
    {
        var app = Caller.Of(context, @namespace).AppId;
        return streams.ServeAsync(feed, @namespace, r => r.IsFor(app), make, writer, context);
    }

    private async Task StreamConfigurationAsync(ConfigurationUpdateRequest request, IServerStreamWriter<ConfigurationUpdateEvent> writer, ServerCallContext context)
    {
        SpiffeId caller;
        try
        {
            caller = Caller.Of(context, request.Namespace);
        }
        catch (RpcException e)
        {
            throw Caller.Denied($"failed to authorize configuration update request: {e.Status.Detail}");
        }

        await pods.WaitForSyncAsync(context.CancellationToken);

        // Decided once: a pod's annotation doesn't change while its sidecar lives.
        var assigned = pods.ConfigurationOf(request.Namespace, caller.AppId);
        await streams.ServeAsync(
            feeds[ResourceKind.Configuration], request.Namespace, r => r.Name == assigned,
            static (d, t) => new ConfigurationUpdateEvent { Configuration = d, Type = t }, writer, context);
    }

    private static ByteString Wrap(WatchedResource resource, byte[] document) => UnsafeByteOperations.UnsafeWrap(ResourceDocument.OfList(resource.Kind, document));

    private static RpcException Failed(string message) => new(new Status(StatusCode.Unknown, message));
}
