using System.Text;
using DaprK8s.Sidecar.Api.Grpc;
using DaprK8s.Sidecar.Api.Http;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.PubSub;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Secrets;
using DaprK8s.Sidecar.State;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>An HTTP answer.</summary>
internal sealed record HttpAnswer(int Status, string Body, IHeaderDictionary Headers);

/// <summary>Calls a block's routes as the HTTP surface does, without a server: router, handler, error writer.</summary>
internal sealed class HttpProbe(IEnumerable<ApiRoute> routes)
{
    private readonly ApiRouter router = new(routes);

    public Task<HttpAnswer> SendAsync(string method, string path, string body = "", string? ifMatch = null, long limit = long.MaxValue)
        => SendAsync(method, path, Encoding.UTF8.GetBytes(body), ifMatch, limit);

    public async Task<HttpAnswer> SendAsync(string method, string path, byte[] body, string? ifMatch = null, long limit = long.MaxValue)
    {
        var context = new DefaultHttpContext();
        var output = new MemoryStream();
        var question = path.IndexOf('?', StringComparison.Ordinal);
        context.Request.Method = method;
        context.Request.QueryString = new QueryString(question < 0 ? "" : path[question..]);
        context.Request.Body = new MemoryStream(body);
        context.Request.ContentLength = body.Length;
        context.Response.Body = output;
        context.Features.Set(new BodyLimit(limit));
        if (ifMatch is not null)
        {
            context.Request.Headers.IfMatch = ifMatch;
        }

        Assert.True(router.TryMatch(method, question < 0 ? path : path[..question], out var values), $"no route for {method} {path}");
        try
        {
            await values.Route.Handler(context, values);
        }
        catch (DaprException e)
        {
            await HttpErrorWriter.WriteAsync(context, e.Error);
        }

        await context.Response.BodyWriter.FlushAsync();
        return new HttpAnswer(context.Response.StatusCode, Encoding.UTF8.GetString(output.ToArray()), context.Response.Headers);
    }
}

/// <summary>The call context of a gRPC method that is called without a server.</summary>
internal sealed class CallContext(CancellationToken cancellationToken = default) : ServerCallContext
{
    protected override string MethodCore => "test";

    protected override string HostCore => "localhost";

    protected override string PeerCore => "ipv4:127.0.0.1:1";

    protected override DateTime DeadlineCore => DateTime.MaxValue;

    protected override Metadata RequestHeadersCore { get; } = [];

    protected override CancellationToken CancellationTokenCore => cancellationToken;

    protected override Metadata ResponseTrailersCore { get; } = [];

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    protected override AuthContext AuthContextCore { get; } = new(null, []);

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException();

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => Task.CompletedTask;
}

/// <summary>What a gRPC client sees of an error.</summary>
internal static class GrpcProbe
{
    /// <summary>The service with nothing behind it but these two blocks.</summary>
    public static DaprService Service(StateBlock state, SecretsBlock secrets) => new(state, secrets, null!, null!, null!, null!, null!, null!, null!);

    /// <summary>The service with nothing behind it but pub/sub.</summary>
    public static DaprService Service(PubSubBlock pubsub, SubscriptionStreams streams) => new(null!, null!, pubsub, streams, null!, null!, null!, null!, null!);

    /// <summary>Calls and returns the error as the interceptor sends it, with its details.</summary>
    public static async Task<(StatusCode Code, string Text, IReadOnlyList<Google.Protobuf.WellKnownTypes.Any> Details)> ErrorOfAsync(Func<Task> call)
    {
        var thrown = await Assert.ThrowsAsync<DaprException>(call);
        var sent = GrpcErrorWriter.ToRpcException(thrown.Error);
        var trailer = sent.Trailers.FirstOrDefault(t => t.Key == GrpcErrorWriter.DetailsTrailer);
        var details = trailer is null ? [] : Google.Rpc.Status.Parser.ParseFrom(trailer.ValueBytes).Details.ToArray();
        return (sent.StatusCode, sent.Status.Detail, details);
    }

    /// <summary>The reason of the ErrorInfo, or null without one.</summary>
    public static string? Reason(IEnumerable<Google.Protobuf.WellKnownTypes.Any> details)
        => details.FirstOrDefault(d => d.Is(Google.Rpc.ErrorInfo.Descriptor))?.Unpack<Google.Rpc.ErrorInfo>().Reason;

    public static T? Find<T>(IEnumerable<Google.Protobuf.WellKnownTypes.Any> details)
        where T : class, Google.Protobuf.IMessage<T>, new()
        => details.Select(d => d.TryUnpack<T>(out var found) ? found : null).FirstOrDefault(d => d is not null);
}
