using System.Globalization;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Bench.Apps;

/// <summary>
/// The app at the end of every measured road: echoes over HTTP and gRPC, swallows and produces large bodies, counts deliveries.
/// Runs as a process of its own, so that its work is not charged to the load generator.
/// </summary>
internal static class EchoApp
{
    public const string SubscribedTopic = "bench";
    private static long deliveries;

    public static async Task<int> RunAsync(int httpPort, int grpcPort, bool subscribes)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, httpPort, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, grpcPort, listen => listen.Protocols = HttpProtocols.Http2);
        });
        var app = builder.Build();

        app.MapPost("/echo", EchoAsync);
        app.MapPost("/sink", SinkAsync);
        app.MapGet("/source", SourceAsync);
        app.MapPost("/deliver", () =>
        {
            Interlocked.Increment(ref deliveries);
            return Results.Ok();
        });
        app.MapGet("/count", () => Interlocked.Read(ref deliveries).ToString(CultureInfo.InvariantCulture));
        app.MapGet("/dapr/subscribe", () => Results.Text(
            subscribes ? $$"""[{"pubsubname":"pubsub","topic":"{{SubscribedTopic}}","route":"/deliver"}]""" : "[]", "application/json"));
        app.MapGrpcService<EchoService>();
        app.MapGrpcService<CallbackService>();

        await app.RunAsync();
        return 0;
    }

    private static async Task EchoAsync(HttpContext context)
    {
        context.Response.ContentType = context.Request.ContentType;
        context.Response.ContentLength = context.Request.ContentLength;
        await context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task SinkAsync(HttpContext context)
    {
        var buffer = new byte[64 * 1024];
        long total = 0;
        int read;
        while ((read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            total += read;
        }

        await context.Response.WriteAsync(total.ToString(CultureInfo.InvariantCulture), context.RequestAborted);
    }

    private static async Task SourceAsync(HttpContext context, long bytes)
    {
        var buffer = new byte[64 * 1024];
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = bytes;
        for (var left = bytes; left > 0; left -= buffer.Length)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)), context.RequestAborted);
        }
    }

    private sealed class EchoService : Echo.EchoBase
    {
        public override Task<Saying> Say(Saying request, ServerCallContext context) => Task.FromResult(request);
    }

    private sealed class CallbackService : AppCallback.AppCallbackBase
    {
        public override Task<InvokeResponse> OnInvoke(InvokeRequest request, ServerCallContext context)
            => Task.FromResult(new InvokeResponse { Data = request.Data, ContentType = request.ContentType });

        public override Task<ListTopicSubscriptionsResponse> ListTopicSubscriptions(Empty request, ServerCallContext context)
            => Task.FromResult(new ListTopicSubscriptionsResponse());

        public override Task<ListInputBindingsResponse> ListInputBindings(Empty request, ServerCallContext context)
            => Task.FromResult(new ListInputBindingsResponse());
    }
}
