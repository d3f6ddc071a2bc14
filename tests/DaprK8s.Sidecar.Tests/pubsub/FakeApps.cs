using System.Collections.Concurrent;
using System.Text;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.Sidecar.Tests.PubSub;

/// <summary>An HTTP app that answers as the test says.</summary>
internal sealed class FakeHttpApp : IHttpAppChannel
{
    public ConcurrentQueue<AppCall> Calls { get; } = new();

    public Func<AppCall, CancellationToken, ValueTask<AppAnswer>> OnEvent { get; set; } = static (_, _) => new(new AppAnswer(200, default, ""));

    public Func<AppAnswer> OnSubscribe { get; set; } = static () => new AppAnswer(404, default, "");

    public int SubscribeCalls { get; private set; }

    public static AppAnswer Answer(int status, string body = "") => new(status, Encoding.UTF8.GetBytes(body), "application/json");

    public ValueTask<AppAnswer> SendAsync(AppCall call, CancellationToken cancellationToken)
    {
        if (call.Path == "/dapr/subscribe")
        {
            SubscribeCalls++;
            return new(OnSubscribe());
        }

        Calls.Enqueue(call with { Body = call.Body.ToArray() });
        return OnEvent(call, cancellationToken);
    }
}

/// <summary>A gRPC app that answers as the test says.</summary>
internal sealed class FakeGrpcApp : IGrpcAppChannel
{
    public ConcurrentQueue<(TopicEventRequest Event, IReadOnlyDictionary<string, string> Metadata, TraceContext Trace)> Events { get; } = new();

    public Func<TopicEventRequest, TopicEventResponse> OnEvent { get; set; } = static _ => new();

    public Func<ListTopicSubscriptionsResponse> OnList { get; set; } = static () => throw new RpcException(new Status(StatusCode.Unimplemented, ""));

    public ValueTask<TResponse> CallAsync<TRequest, TResponse>(
        Method<TRequest, TResponse> method, TRequest request, TraceContext trace, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        if (request is not TopicEventRequest sent)
        {
            return new((TResponse)(object)OnList());
        }

        // Through the wire, so that what can't be serialised shows.
        Events.Enqueue((TopicEventRequest.Parser.ParseFrom(sent.ToByteArray()), metadata, trace));
        return new((TResponse)(object)OnEvent(sent));
    }
}

/// <summary>The app, or none.</summary>
internal sealed record FakeChannel(IHttpAppChannel? Http, IGrpcAppChannel? Grpc) : IAppChannel;
