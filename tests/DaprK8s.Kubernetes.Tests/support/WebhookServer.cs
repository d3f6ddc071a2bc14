using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Access;
using DaprK8s.TestServers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Kubernetes.Tests.Support;

/// <summary>A webhook over TLS that answers what the test says.</summary>
public sealed class WebhookServer : IAsyncDisposable
{
    private readonly TestAuthority authority;
    private readonly WebApplication app;

    private WebhookServer(TestAuthority authority, WebApplication app, int port) => (this.authority, this.app, Endpoint) = (authority, app, new IPEndPoint(IPAddress.Loopback, port));

    public IPEndPoint Endpoint { get; }

    public string CaBundle => Convert.ToBase64String(Encoding.UTF8.GetBytes(authority.RootPem));

    public ConcurrentQueue<JsonObject> Reviews { get; } = new();

    /// <summary>Makes the <c>response</c> of a review, without its uid; by path.</summary>
    public ConcurrentDictionary<string, Func<JsonObject, JsonObject>> Answers { get; } = new();

    public static async Task<WebhookServer> StartAsync(string dnsName)
    {
        var authority = new TestAuthority([dnsName], [IPAddress.Loopback]);
        var port = Loopback.FreePort();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port, l => l.UseHttps(authority.Server)));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var server = new WebhookServer(authority, app, port);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        authority.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var review = JsonNode.Parse(await reader.ReadToEndAsync())!.AsObject();
        Reviews.Enqueue(review);
        var response = Answers[context.Request.Path](review["request"]!.AsObject());
        response["uid"] = review["request"]!["uid"]!.DeepClone();
        var answer = new JsonObject { ["apiVersion"] = review["apiVersion"]!.DeepClone(), ["kind"] = review["kind"]!.DeepClone(), ["response"] = response };
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString());
    }
}
