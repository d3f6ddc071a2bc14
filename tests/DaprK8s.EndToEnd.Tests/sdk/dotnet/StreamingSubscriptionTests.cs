using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;
using App = Dapr.AppCallback.Autogen.Grpc.v1;
using TopicStream = Grpc.Core.AsyncDuplexStreamingCall<
    Dapr.Client.Autogen.Grpc.v1.SubscribeTopicEventsRequestAlpha1,
    Dapr.Client.Autogen.Grpc.v1.SubscribeTopicEventsResponseAlpha1>;
using Wire = Dapr.Client.Autogen.Grpc.v1;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>Subscriptions over a stream that the app opens, with the messages and the client of <c>Dapr.Protos</c>.</summary>
public class StreamingSubscriptionTests(Servers servers)
{
    private readonly string topic = $"topic-{Guid.NewGuid():N}";

    [Theory, OnEveryBackend]
    public async Task Messages_come_over_the_stream_until_it_is_closed(Backend backend)
    {
        await using var daprd = await Daprd.With(resources: await backend.ResourcesAsync(servers)).StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();
        using var stream = await OpenAsync(daprd);

        for (var i = 0; i < 20; i++)
        {
            await dapr.PublishEventAsync("pubsub", topic, i);
        }

        List<int> got = [];
        while (got.Count < 20)
        {
            var message = await NextAsync(stream);
            Assert.Equal((topic, "pubsub", "application/json"), (message.Topic, message.PubsubName, message.DataContentType));
            got.Add(int.Parse(message.Data.ToStringUtf8(), System.Globalization.CultureInfo.InvariantCulture));
            await AnswerAsync(stream, message, App.TopicEventResponse.Types.TopicEventResponseStatus.Success);
        }

        Assert.Equal(Enumerable.Range(0, 20), got.Order());
        await stream.RequestStream.CompleteAsync();
        Assert.False(await MoveNextAsync(stream));
    }

    [Fact]
    public async Task A_dropped_message_of_a_stream_goes_to_its_dead_letter_topic()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryPubSub()).StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();
        using var dead = await OpenAsync(daprd, name: topic + "-dead");
        using var stream = await OpenAsync(daprd, deadLetterTopic: topic + "-dead");

        await dapr.PublishByteEventAsync("pubsub", topic, Encoding.UTF8.GetBytes("poison"), "text/plain");
        var message = await NextAsync(stream);
        await AnswerAsync(stream, message, App.TopicEventResponse.Types.TopicEventResponseStatus.Drop);

        Assert.Equal("poison", (await NextAsync(dead)).Data.ToStringUtf8());
    }

    [Fact]
    public async Task A_message_without_an_answer_is_delivered_again_to_the_next_stream()
    {
        await using var daprd = await Daprd.With(resources: await Backend.PostgresAndRabbitMq.ResourcesAsync(servers)).StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();
        using (var broken = await OpenAsync(daprd))
        {
            await dapr.PublishEventAsync("pubsub", topic, 7);
            Assert.Equal("7", (await NextAsync(broken)).Data.ToStringUtf8());
        }

        using var next = await OpenAsync(daprd);
        Assert.Equal("7", (await NextAsync(next)).Data.ToStringUtf8());
    }

    [Fact]
    public async Task Each_of_two_streams_gets_every_message_of_the_broker_in_memory()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryPubSub()).StartAsync(Until.Ready);
        using var dapr = daprd.CreateSdkClient();
        using var first = await OpenAsync(daprd);
        using var second = await OpenAsync(daprd);

        await dapr.PublishEventAsync("pubsub", topic, 7);

        Assert.Equal("7", (await NextAsync(first)).Data.ToStringUtf8());
        Assert.Equal("7", (await NextAsync(second)).Data.ToStringUtf8());
    }

    [Fact]
    public async Task A_stream_for_a_broker_that_nobody_configured_is_refused()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryPubSub()).StartAsync(Until.Ready);
        using var stream = daprd.CreateWireClient().SubscribeTopicEventsAlpha1();
        await stream.RequestStream.WriteAsync(new Wire.SubscribeTopicEventsRequestAlpha1
        {
            InitialRequest = new() { PubsubName = "nowhere", Topic = topic },
        });

        var error = await Assert.ThrowsAsync<RpcException>(() => MoveNextAsync(stream));

        Assert.Contains("nowhere", error.Status.Detail, StringComparison.Ordinal);
    }

    private static Wire.SubscribeTopicEventsRequestAlpha1 Initial(string topic, string? deadLetterTopic)
    {
        var initial = new Wire.SubscribeTopicEventsRequestInitialAlpha1 { PubsubName = "pubsub", Topic = topic };
        if (deadLetterTopic is not null)
        {
            initial.DeadLetterTopic = deadLetterTopic;
        }

        return new() { InitialRequest = initial };
    }

    private async Task<TopicStream> OpenAsync(Daprd daprd, string? name = null, string? deadLetterTopic = null)
    {
        var stream = daprd.CreateWireClient().SubscribeTopicEventsAlpha1();
        await stream.RequestStream.WriteAsync(Initial(name ?? topic, deadLetterTopic));
        Assert.True(await MoveNextAsync(stream));
        Assert.NotNull(stream.ResponseStream.Current.InitialResponse);
        return stream;
    }

    private static async Task<App.TopicEventRequest> NextAsync(TopicStream stream)
    {
        Assert.True(await MoveNextAsync(stream));
        return stream.ResponseStream.Current.EventMessage;
    }

    private static async Task<bool> MoveNextAsync(TopicStream stream)
    {
        using var deadline = new CancellationTokenSource(Eventually.Deadline);
        return await stream.ResponseStream.MoveNext(deadline.Token);
    }

    private static Task AnswerAsync(TopicStream stream, App.TopicEventRequest message, App.TopicEventResponse.Types.TopicEventResponseStatus status)
        => stream.RequestStream.WriteAsync(new() { EventProcessed = new() { Id = message.Id, Status = new() { Status = status } } });
}
