using System.Net;
using DaprK8s.Common.Text;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Hosting;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// Passes calls of any gRPC service through as they are: from a client to the peer sidecar of the app named in its metadata, and
/// from a peer to the own app (contract: messaging 5.11). Frames, headers, trailers and status are not looked into.
/// </summary>
internal sealed class GrpcProxy(SidecarInfo self, AppChannel app, AccessGate gate, Peers peers, PeerAddresses addresses, Tracer tracer)
{
    private const int ChunkSize = 32 << 10;

    private static readonly UriCreationOptions AsWritten = new() { DangerousDisablePathAndQueryCanonicalization = true };

    /// <summary>A call on the gRPC API that names no Dapr service.</summary>
    public ValueTask FromClientAsync(HttpContext context) => ServeAsync(context, isFromPeer: false);

    /// <summary>A call of a peer for the own app.</summary>
    public ValueTask FromPeerAsync(HttpContext context) => ServeAsync(context, isFromPeer: true);

    private async ValueTask ServeAsync(HttpContext context, bool isFromPeer)
    {
        // The path is taken as it was sent: decoded or cleaned by anybody else, it could differ from the one that goes on.
        var raw = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!raw.StartsWith('/'))
        {
            await GrpcResponse.EndAsync(context, StatusCode.Unimplemented, $"malformed method name: {GoQuote.Quote(raw)}");
            return;
        }

        try
        {
            var path = MethodName.Normalise(raw);
            if (isFromPeer)
            {
                var peer = PeerIdentity.Of(context);
                await ToAppAsync(context, path, peer, PeerStamp.Read(peer, context.Request.Headers));
            }
            else
            {
                await FromClientAsync(context, path);
            }
        }
        catch (FormatException e)
        {
            await GrpcResponse.EndAsync(context, StatusCode.InvalidArgument, e.Message);
        }
        catch (TransportException e)
        {
            await GrpcResponse.EndAsync(context, e.Code, e.Message);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone; nobody is left to answer.
        }
    }

    private async ValueTask FromClientAsync(HttpContext context, string path)
    {
        var id = First(context, HeaderRules.CalleeAppId) ?? First(context, HeaderRules.AppId);
        if (string.IsNullOrEmpty(id))
        {
            await GrpcResponse.EndAsync(
                context, StatusCode.Unknown, "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found");
            return;
        }

        var target = TargetName.Parse(id, self.Namespace);
        if (target.AppId == self.AppId)
        {
            // The own app calls itself: no certificate shows that, so the access list's global default decides.
            await ToAppAsync(context, path, default, new PeerStamp(self.AppId, self.Namespace));
            return;
        }

        await ToPeerAsync(context, path, target);
    }

    private async ValueTask ToAppAsync(HttpContext context, string path, PeerIdentity peer, PeerStamp caller)
    {
        if (gate.Refuse(peer, path, AccessList.NoVerb) is { } refusal)
        {
            await GrpcResponse.EndAsync(context, StatusCode.PermissionDenied, refusal);
            return;
        }

        if (app is not { Grpc: not null, Connections: { } connections })
        {
            await GrpcResponse.EndAsync(
                context, StatusCode.Internal, "failed to proxy request: the app is not a gRPC app (see --app-port and --app-protocol)");
            return;
        }

        using var span = Start(context, path);
        using var request = Build(context, connections.BaseUrl, path, span.Context);
        caller.AddTo(request, self.AppId);
        if (app.Options.ApiToken.Length > 0)
        {
            request.Headers.TryAddWithoutValidation(HeaderRules.ApiToken, app.Options.ApiToken);
        }

        await ForwardAsync(context, connections.Client, request);
    }

    private async ValueTask ToPeerAsync(HttpContext context, string path, TargetName target)
    {
        using var span = Start(context, path);
        for (var attempt = 0; ; attempt++)
        {
            var address = await addresses.PickAsync(target.AppId, target.Namespace, context.RequestAborted);
            using var request = Build(context, $"http://{address}", path, span.Context);
            new PeerStamp(self.AppId, self.Namespace).AddTo(request, target.AppId);
            try
            {
                await ForwardAsync(context, peers.For(target), request);
                return;
            }
            catch (TransportException e) when (e.IsRetriable && attempt == 0 && !((ProxyContent)request.Content!).WasRead)
            {
                // The kept connection was stale, or its instance died: nothing was sent yet, so one new connection is tried.
                addresses.MarkDead(target.AppId, target.Namespace, address);
            }
        }
    }

    private Span Start(HttpContext context, string path) => tracer.StartServer(context, path, System.Diagnostics.ActivityKind.Client);

    private static HttpRequestMessage Build(HttpContext context, string baseUrl, string path, TraceContext trace)
    {
        // A URL that were made canonical would name another method than the one that was judged.
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(baseUrl + path, in AsWritten))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ProxyContent(context.Request.Body),
        };
        foreach (var (name, values) in context.Request.Headers)
        {
            if (name.Equals("content-type", StringComparison.OrdinalIgnoreCase))
            {
                request.Content.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
            else if (name.Equals("te", StringComparison.OrdinalIgnoreCase) || Passes(name))
            {
                request.Headers.TryAddWithoutValidation(name, values.ToArray());
            }
        }

        AddTrace(request, trace);
        return request;
    }

    // Unlike invocation, proxying keeps binary metadata.
    private static bool Passes(string name)
        => HeaderRules.PassesMetadata(name);

    private static void AddTrace(HttpRequestMessage request, TraceContext trace)
    {
        if (trace.TraceParent.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("traceparent", trace.TraceParent);
            if (trace.IsValid && GrpcTraceBin.FromTraceParent(trace.TraceParent) is { } binary)
            {
                request.Headers.TryAddWithoutValidation(GrpcTraceBin.Header, Convert.ToBase64String(binary));
            }
        }

        if (trace.TraceState is { Length: > 0 } state)
        {
            request.Headers.TryAddWithoutValidation("tracestate", state);
        }

        if (trace.Baggage is { Length: > 0 } baggage)
        {
            request.Headers.TryAddWithoutValidation("baggage", baggage);
        }
    }

    private static async ValueTask ForwardAsync(HttpContext context, HttpMessageInvoker client, HttpRequestMessage request)
    {
        HttpResponseMessage response;
        try
        {
            response = await client.SendAsync(request, context.RequestAborted);
        }
        catch (HttpRequestException e)
        {
            throw new TransportException(StatusCode.Unavailable, $"failed to proxy request: {e.InnerException?.Message ?? e.Message}", e);
        }

        using (response)
        {
            context.Response.StatusCode = (int)response.StatusCode;
            Copy(response.Headers.NonValidated, context.Response.Headers);
            Copy(response.Content.Headers.NonValidated, context.Response.Headers);
            try
            {
                await CopyBodyAsync(context, response);
            }
            catch (Exception e) when (e is IOException or HttpRequestException && !context.RequestAborted.IsCancellationRequested)
            {
                await GrpcResponse.EndAsync(context, StatusCode.Unavailable, $"the target's answer broke off: {e.Message}");
            }
        }
    }

    private static async ValueTask CopyBodyAsync(HttpContext context, HttpResponseMessage response)
    {
        var isTrailersOnly = response.Headers.NonValidated.Contains("grpc-status");
        var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(ChunkSize);
        var reading = body.ReadAsync(buffer, context.RequestAborted);
        if (!reading.IsCompleted && !isTrailersOnly)
        {
            // A stream's headers must not wait for its first message.
            await context.Response.StartAsync(context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }

        while (await reading is var read && read > 0)
        {
            await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
            reading = body.ReadAsync(buffer, context.RequestAborted);
        }

        // Only at the end: after a failure a read into it may still be under way.
        System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        if (isTrailersOnly)
        {
            return;
        }

        if (!context.Response.HasStarted)
        {
            await context.Response.StartAsync(context.RequestAborted);
        }

        foreach (var (name, values) in response.TrailingHeaders.NonValidated)
        {
            if (AreSendable(name, values))
            {
                context.Response.AppendTrailer(name, values.ToArray());
            }
        }
    }

    private static void Copy(System.Net.Http.Headers.HttpHeadersNonValidated from, IHeaderDictionary to)
    {
        foreach (var (name, values) in from)
        {
            if (!name.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase) && !name.Equals("connection", StringComparison.OrdinalIgnoreCase)
                && AreSendable(name, values))
            {
                to[name] = values.ToArray();
            }
        }
    }

    private static bool AreSendable(string name, System.Net.Http.Headers.HeaderStringValues values)
    {
        foreach (var value in values)
        {
            if (!HeaderRules.IsSendable(name, value))
            {
                return false;
            }
        }

        return true;
    }

    private static string? First(HttpContext context, string name)
        => context.Request.Headers.TryGetValue(name, out var values) && values.Count > 0 ? values[0] : null;

    /// <summary>The client's frames, sent on as they come.</summary>
    private sealed class ProxyContent(Stream source) : HttpContent
    {
        public bool WasRead { get; private set; }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
            => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            // The request's headers go out before the client's first message, which may wait for an answer's headers.
            await stream.FlushAsync(cancellationToken);
            var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(ChunkSize);
            try
            {
                while (await source.ReadAsync(buffer, cancellationToken) is var read && read > 0)
                {
                    WasRead = true;
                    await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                    await stream.FlushAsync(cancellationToken);
                }
            }
            finally
            {
                System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
