using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using DaprK8s.Protos.Operator.Status.V1;
using DaprK8s.Protos.Operator.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace DaprK8s.TestOperators;

/// <summary>How a stream ends.</summary>
public enum Cut
{
    /// <summary>The operator ends it with OK.</summary>
    End,

    /// <summary>The stream is reset.</summary>
    Reset,

    /// <summary>The whole connection is gone.</summary>
    Connection,
}

/// <summary>
/// An operator that does what a test says, good and bad, on another implementation of gRPC than ours. It judges its callers as the real
/// one does: by the namespace in their certificate.
/// </summary>
/// <param name="port">Where it listens.</param>
/// <param name="handshake">Who it is, and whom it lets in.</param>
public sealed class TestOperator(int port, Func<SslServerAuthenticationOptions> handshake) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string Kind, string Name), JsonObject> objects = new();
    private readonly ConcurrentDictionary<OpenStream, bool> streams = new();
    private readonly ConcurrentDictionary<string, int> calls = new();
    private WebApplication? web;
    private int version = 100;

    public string Address => $"127.0.0.1:{port}";

    /// <summary>Methods that it does not know.</summary>
    public ConcurrentDictionary<string, bool> Unimplemented { get; } = new();

    /// <summary>What is refused, by method.</summary>
    public ConcurrentDictionary<string, Func<Status?>> Refuse { get; } = new();

    /// <summary>What is waited for before a method is answered.</summary>
    public ConcurrentDictionary<string, Task> Hold { get; } = new();

    /// <summary>How a stream ends after each of its messages.</summary>
    public Cut? CutAfterEachMessage { get; set; }

    /// <summary>Who called, as the certificate has it.</summary>
    public ConcurrentQueue<string> Callers { get; } = new();

    /// <summary>What was reported, in order.</summary>
    public ConcurrentQueue<ReportRequest> Reports { get; } = new();

    /// <summary>How many sidecars report.</summary>
    public int OpenReports => OpenStreams("Report");

    public int Calls(string method) => calls.GetValueOrDefault(method);

    public int OpenStreams(string kind) => streams.Keys.Count(s => s.Kind == kind);

    /// <summary>Creates or replaces an object, and tells those who watch.</summary>
    public JsonObject Put(string kind, string json) => Put(kind, json, isTold: true);

    /// <summary>Creates or replaces an object, of which no stream tells.</summary>
    public JsonObject PutSilently(string kind, string json) => Put(kind, json, isTold: false);

    public void Remove(string kind, string name, bool isTold = true)
    {
        if (objects.TryRemove((kind, name), out var last) && isTold)
        {
            Send(kind, ResourceEventType.Deleted, last.ToJsonString());
        }
    }

    /// <summary>Sends a change, whatever it says.</summary>
    public void Send(string kind, ResourceEventType type, string document)
    {
        foreach (var stream in streams.Keys.Where(s => s.Kind == kind))
        {
            stream.Queue.Writer.TryWrite((type, ByteString.CopyFromUtf8(document)));
        }
    }

    /// <summary>Ends the open streams.</summary>
    public void CutStreams(Cut how, string? kind = null)
    {
        foreach (var stream in streams.Keys.Where(s => kind is null || s.Kind == kind))
        {
            stream.Break(how);
        }
    }

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton(this);
        builder.Services.AddGrpc(o => o.MaxReceiveMessageSize = null);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k =>
        {
            k.AllowAlternateSchemes = true; // As gRPC servers of other makes do: ":scheme" says nothing about the transport.
            k.Listen(IPAddress.Loopback, port, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => new(handshake()) });
            });
        });
        web = builder.Build();
        web.MapGrpcService<Resources>();
        web.MapGrpcService<StatusService>();
        await web.StartAsync();
    }

    /// <summary>Goes away at once.</summary>
    public async Task StopAsync()
    {
        if (web is { } running)
        {
            web = null;
            CutStreams(Cut.Connection);
            await running.StopAsync(new CancellationToken(canceled: true));
            await running.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private JsonObject Put(string kind, string json, bool isTold)
    {
        var resource = JsonNode.Parse(json)!.AsObject();
        var metadata = resource["metadata"]!.AsObject();
        var name = (string)metadata["name"]!;
        var isNew = !objects.TryGetValue((kind, name), out var last);
        metadata["uid"] ??= isNew ? Guid.NewGuid().ToString() : (string)last!["metadata"]!["uid"]!;
        metadata["generation"] ??= isNew ? 1 : (long)last!["metadata"]!["generation"]! + 1;
        metadata["resourceVersion"] = Interlocked.Increment(ref version).ToString(System.Globalization.CultureInfo.InvariantCulture);
        objects[(kind, name)] = resource;
        if (isTold)
        {
            Send(kind, isNew ? ResourceEventType.Created : ResourceEventType.Updated, resource.ToJsonString());
        }

        return resource;
    }

    private async Task<IEnumerable<ByteString>> ListAsync(string kind, string method, string ns, ServerCallContext context)
    {
        await EnterAsync(method, ns, context);
        return objects.Where(o => o.Key.Kind == kind).OrderBy(o => o.Key.Name, StringComparer.Ordinal).Select(o => ByteString.CopyFromUtf8(o.Value.ToJsonString()));
    }

    private async Task WatchAsync(string kind, string method, string ns, ServerCallContext context, Func<ByteString, ResourceEventType, Task> send)
    {
        await EnterAsync(method, ns, context);
        var stream = new OpenStream(kind, context.GetHttpContext());
        streams[stream] = true;
        try
        {
            await foreach (var (type, document) in stream.Queue.Reader.ReadAllAsync(context.CancellationToken))
            {
                await send(document, type);
                if (CutAfterEachMessage is { } how)
                {
                    stream.Break(how);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The caller is gone.
        }
        finally
        {
            streams.TryRemove(stream, out _);
        }
    }

    private async Task EnterAsync(string method, string ns, ServerCallContext context)
    {
        calls.AddOrUpdate(method, 1, (_, n) => n + 1);
        if (Unimplemented.ContainsKey(method))
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, $"unknown method {method}"));
        }

        if (Hold.TryGetValue(method, out var wait))
        {
            await wait.WaitAsync(context.CancellationToken);
        }

        if (Refuse.TryGetValue(method, out var refuse) && refuse() is { } refusal)
        {
            throw new RpcException(refusal);
        }

        var uri = UriOf(context);
        Callers.Enqueue(uri);
        var parts = uri.Split('/');
        if (parts.Length < 6 || parts[4] != ns)
        {
            throw new RpcException(new Status(
                StatusCode.PermissionDenied, $"identity does not match requested namespace exp={ns} got={parts.ElementAtOrDefault(4)}"));
        }
    }

    private static string UriOf(ServerCallContext context)
        => context.GetHttpContext().Connection.ClientCertificate is { } certificate
            ? certificate.Extensions.OfType<System.Security.Cryptography.X509Certificates.X509SubjectAlternativeNameExtension>()
                .Select(e => System.Text.Encoding.ASCII.GetString(e.RawData)).Select(t => t[t.IndexOf("spiffe://", StringComparison.Ordinal)..]).FirstOrDefault("")
            : "";

    private sealed class OpenStream(string kind, HttpContext http)
    {
        public string Kind => kind;

        public Channel<(ResourceEventType Type, ByteString Document)> Queue { get; } = Channel.CreateUnbounded<(ResourceEventType, ByteString)>();

        public void Break(Cut how)
        {
            try
            {
                if (how == Cut.End)
                {
                    Queue.Writer.TryComplete();
                    return;
                }

                if (how == Cut.Connection)
                {
                    http.Features.Get<IConnectionLifetimeFeature>()?.Abort();
                }

                http.Abort();
            }
            catch (ObjectDisposedException)
            {
                // It has ended by itself.
            }
        }
    }

    private sealed class Resources(TestOperator owner) : Operator.OperatorBase
    {
        public override async Task<ListComponentResponse> ListComponents(ListComponentsRequest request, ServerCallContext context)
            => new() { Components = { await owner.ListAsync("Component", "ListComponents", request.Namespace, context) } };

        public override async Task<ListSubscriptionsResponse> ListSubscriptionsV2(ListSubscriptionsRequest request, ServerCallContext context)
            => new() { Subscriptions = { await owner.ListAsync("Subscription", "ListSubscriptionsV2", request.Namespace, context) } };

        public override async Task<ListHTTPEndpointsResponse> ListHTTPEndpoints(ListHTTPEndpointsRequest request, ServerCallContext context)
            => new() { HttpEndpoints = { await owner.ListAsync("HTTPEndpoint", "ListHTTPEndpoints", request.Namespace, context) } };

        public override async Task<ListResiliencyResponse> ListResiliency(ListResiliencyRequest request, ServerCallContext context)
            => new() { Resiliencies = { await owner.ListAsync("Resiliency", "ListResiliency", request.Namespace, context) } };

        public override async Task<ListMCPServersResponse> ListMCPServers(ListMCPServersRequest request, ServerCallContext context)
            => new() { McpServers = { await owner.ListAsync("MCPServer", "ListMCPServers", request.Namespace, context) } };

        public override async Task<ListWorkflowAccessPolicyResponse> ListWorkflowAccessPolicy(ListWorkflowAccessPolicyRequest request, ServerCallContext context)
            => new() { Policies = { await owner.ListAsync("WorkflowAccessPolicy", "ListWorkflowAccessPolicy", request.Namespace, context) } };

        public override async Task<GetConfigurationResponse> GetConfiguration(GetConfigurationRequest request, ServerCallContext context)
        {
            await owner.EnterAsync("GetConfiguration", request.Namespace, context);
            return owner.objects.TryGetValue(("Configuration", request.Name), out var found)
                ? new GetConfigurationResponse { Configuration = ByteString.CopyFromUtf8(found.ToJsonString()) }
                : throw new RpcException(new Status(
                    StatusCode.Unknown,
                    $"error getting configuration {request.Namespace}/{request.Name}: Configuration.dapr.io \"{request.Name}\" not found"));
        }

        public override Task ComponentUpdate(ComponentUpdateRequest request, IServerStreamWriter<ComponentUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("Component", "ComponentUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new ComponentUpdateEvent { Component = d, Type = t }));

        public override Task SubscriptionUpdate(SubscriptionUpdateRequest request, IServerStreamWriter<SubscriptionUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("Subscription", "SubscriptionUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new SubscriptionUpdateEvent { Subscription = d, Type = t }));

        public override Task HTTPEndpointUpdate(HTTPEndpointUpdateRequest request, IServerStreamWriter<HTTPEndpointUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("HTTPEndpoint", "HTTPEndpointUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new HTTPEndpointUpdateEvent { HttpEndpoints = d, Type = t }));

        public override Task ResiliencyUpdate(ResiliencyUpdateRequest request, IServerStreamWriter<ResiliencyUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("Resiliency", "ResiliencyUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new ResiliencyUpdateEvent { Resiliency = d, Type = t }));

        public override Task MCPServerUpdate(MCPServerUpdateRequest request, IServerStreamWriter<MCPServerUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("MCPServer", "MCPServerUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new MCPServerUpdateEvent { McpServer = d, Type = t }));

        public override Task ConfigurationUpdate(ConfigurationUpdateRequest request, IServerStreamWriter<ConfigurationUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync("Configuration", "ConfigurationUpdate", request.Namespace, context, (d, t) => events.WriteAsync(new ConfigurationUpdateEvent { Configuration = d, Type = t }));

        public override Task WorkflowAccessPolicyUpdate(
            WorkflowAccessPolicyUpdateRequest request, IServerStreamWriter<WorkflowAccessPolicyUpdateEvent> events, ServerCallContext context)
            => owner.WatchAsync(
                "WorkflowAccessPolicy", "WorkflowAccessPolicyUpdate", request.Namespace, context,
                (d, t) => events.WriteAsync(new WorkflowAccessPolicyUpdateEvent { Policy = d, Type = t }));
    }

    private sealed class StatusService(TestOperator owner) : ResourceStatus.ResourceStatusBase
    {
        public override async Task<ReportResponse> Report(IAsyncStreamReader<ReportRequest> requests, ServerCallContext context)
        {
            owner.calls.AddOrUpdate("Report", 1, (_, n) => n + 1);
            if (owner.Unimplemented.ContainsKey("Report"))
            {
                throw new RpcException(new Status(StatusCode.Unimplemented, "unknown service daprk8s.proto.operator.v1.ResourceStatus"));
            }

            var stream = new OpenStream("Report", context.GetHttpContext());
            owner.streams[stream] = true;
            try
            {
                await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
                {
                    owner.Reports.Enqueue(request);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The caller is gone.
            }
            finally
            {
                owner.streams.TryRemove(stream, out _);
            }

            return new ReportResponse();
        }
    }
}
