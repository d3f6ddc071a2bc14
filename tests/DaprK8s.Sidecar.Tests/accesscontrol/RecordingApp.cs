using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using DaprK8s.Protos.Common.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>An app that answers every call with what it was called by, and keeps that.</summary>
internal sealed class RecordingApp : IAsyncDisposable
{
    private const string OnInvoke = "/dapr.proto.runtime.v1.AppCallback/OnInvoke";
    private readonly WebApplication server;

    private RecordingApp(bool isGrpc)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        server = builder.Build();
        server.Run(context => isGrpc ? AnswerGrpcAsync(context) : AnswerHttpAsync(context));
    }

    /// <summary>The targets of HTTP requests and proxied calls, the methods of <c>OnInvoke</c>.</summary>
    public ConcurrentQueue<(string Method, IHeaderDictionary Headers)> Calls { get; } = new();

    public int Port => new Uri(server.Urls.Single()).Port;

    public static async Task<RecordingApp> StartAsync(bool isGrpc)
    {
        var app = new RecordingApp(isGrpc);
        await app.server.StartAsync();
        return app;
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private Task AnswerHttpAsync(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        Calls.Enqueue((target, new HeaderDictionary(context.Request.Headers.ToDictionary())));
        return context.Response.WriteAsync(target);
    }

    private async Task AnswerGrpcAsync(HttpContext context)
    {
        var method = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (method == OnInvoke)
        {
            method = InvokeRequest.Parser.ParseFrom(body.ToArray().AsSpan(5)).Method;
        }

        Calls.Enqueue((method, new HeaderDictionary(context.Request.Headers.ToDictionary())));
        var answer = new InvokeResponse { Data = new Any { Value = ByteString.CopyFromUtf8(method) } }.ToByteArray();
        var frame = new byte[5 + answer.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), answer.Length);
        answer.CopyTo(frame, 5);
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(frame);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
