using System.Threading.Channels;
using CsCheck;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Tests.State;
using Grpc.Core;
using AppStatus = DaprK8s.Protos.Runtime.V1.TopicEventResponse.Types.TopicEventResponseStatus;
using Request = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsRequestAlpha1;
using Response = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsResponseAlpha1;

namespace DaprK8s.Sidecar.Tests.PubSub;

public sealed class SubscriptionStreamTests
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_event_is_answered_by_its_id_in_any_order()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();

        var first = subscription.DeliverAsync("""{"id":"a","datacontenttype":"text/plain","data":"hi"}""");
        var second = subscription.DeliverAsync("""{"id":"b"}""");
        var third = subscription.DeliverAsync("""{"id":"c"}""");
        var seen = new[] { await client.EventAsync(), await client.EventAsync(), await client.EventAsync() };
        client.Answer("b", AppStatus.Retry);
        client.Answer("unknown", AppStatus.Success);
        client.Answer("c", AppStatus.Drop);
        client.Answer("a", AppStatus.Success);

        Assert.Equal(["a", "b", "c"], seen.Select(e => e.Id));
        Assert.Equal(("/", "hi", "orders", "pubsub"), (seen[0].Path, seen[0].Data.ToStringUtf8(), seen[0].Topic, seen[0].PubsubName));
        Assert.Equal([Settlement.Ack, Settlement.Nack, Settlement.Ack], await Task.WhenAll(first, second, third));
        Assert.True(bench.Log.Has("answered event unknown"));
        await client.LeaveAsync();
    }

    [Fact]
    public async Task Events_of_one_id_are_settled_in_the_order_in_which_they_were_sent()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();
        var first = subscription.DeliverAsync("""{"id":"a"}""");
        var second = subscription.DeliverAsync("""{"id":"a"}""");
        await client.EventAsync();
        await client.EventAsync();

        client.Answer("a", AppStatus.Success);
        Assert.Equal(Settlement.Ack, await first);
        Assert.False(second.IsCompleted);
        client.Answer("a", AppStatus.Retry);
        Assert.Equal(Settlement.Nack, await second);
        await client.LeaveAsync();
    }

    [Fact]
    public async Task Every_event_gets_its_own_answer_whatever_their_ids_and_order()
    {
        var bench = new PubSubBench().Ready();
        await Gen.Select(Gen.Int[0, 3].Array[1, 12], Gen.Int).SampleAsync(
            async (ids, seed) =>
            {
                var client = new Client(bench);
                var subscription = await client.OpenAsync();
                var deliveries = ids.Select(id => (Id: id, Done: subscription.DeliverAsync($$"""{"id":"{{id}}"}"""))).ToArray();
                foreach (var id in ids)
                {
                    Assert.Equal($"{id}", (await client.EventAsync()).Id);
                }

                var shuffled = ids.ToArray();
                new Random(seed).Shuffle(shuffled);
                foreach (var id in shuffled)
                {
                    client.Answer($"{id}", id == 3 ? AppStatus.Retry : AppStatus.Success);
                }

                foreach (var (id, done) in deliveries)
                {
                    Assert.Equal(id == 3 ? Settlement.Nack : Settlement.Ack, await done);
                }

                await client.LeaveAsync();
            },
            iter: 50, threads: 1);
    }

    [Fact]
    public async Task Dead_letters_and_raw_payloads_work_as_elsewhere()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        client.Send(new Request { InitialRequest = new() { PubsubName = "pubsub", Topic = "orders", DeadLetterTopic = "dlq", Metadata = { ["rawPayload"] = "true" } } });
        await client.ReadyAsync();
        var delivery = bench.Broker.Subscriptions.Single().DeliverAsync("bytes");

        var sent = await client.EventAsync();
        client.Answer(sent.Id, AppStatus.Drop);

        Assert.Equal(("bytes", "application/octet-stream"), (sent.Data.ToStringUtf8(), sent.DataContentType));
        Assert.Equal(Settlement.Ack, await delivery);
        Assert.Equal("dlq", bench.Broker.Published.Single().Topic);
        await client.LeaveAsync();
    }

    [Fact]
    public async Task An_open_stream_is_listed_and_a_closed_one_is_not()
    {
        var bench = new PubSubBench().Ready();
        bench.Declare(DeliveryTests.Spec());
        var client = new Client(bench);
        await client.OpenAsync();

        Assert.Equal(["DECLARATIVE /orders", "STREAMING /"], bench.Catalog.List().Select(s => $"{s.TypeName} {s.Rules[0].Path}"));
        await client.LeaveAsync();

        Assert.Single(bench.Catalog.List());
    }

    [Fact]
    public async Task A_client_that_closes_gives_its_events_back()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync(deadLetter: "dlq");
        var delivery = subscription.DeliverAsync("""{"id":"a"}""");
        await client.EventAsync();

        await client.LeaveAsync();

        Assert.Equal(Settlement.Nack, await delivery);
        Assert.Empty(bench.Broker.Published);
        Assert.True(subscription.IsDisposed);
    }

    [Fact]
    public async Task A_client_that_cancels_gives_its_events_back()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();
        var delivery = subscription.DeliverAsync("""{"id":"a"}""");
        await client.EventAsync();

        await client.CancelAsync();

        Assert.Equal(Settlement.Nack, await delivery);
        Assert.True(subscription.IsDisposed);
    }

    [Fact]
    public async Task A_client_that_can_not_be_written_to_gives_its_events_back()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();
        client.IsBroken = true;

        Assert.Equal(Settlement.Nack, await subscription.DeliverAsync("""{"id":"a"}"""));

        await client.Call;
        Assert.True(subscription.IsDisposed);
    }

    [Fact]
    public async Task Wrong_beginnings_end_the_stream_with_their_text()
    {
        var bench = new PubSubBench(("subscriptionScopes", "app1=orders")).Ready();

        await ExpectAsync(new Request { EventProcessed = new() { Id = "1" } }, "initial request is required");
        await ExpectAsync(new Request { InitialRequest = new() { Topic = "t" } }, "pubsubName is required");
        await ExpectAsync(new Request { InitialRequest = new() { PubsubName = "p" } }, "topic is required");
        await ExpectAsync(
            new Request { InitialRequest = new() { PubsubName = "pubsub", Topic = "t" } },
            "failed to create subscription for pubsub: subscription to topic 't' on pubsub 'pubsub' is not allowed");
        var unknown = await ExpectAsync(new Request { InitialRequest = new() { PubsubName = "none", Topic = "t" } }, "pubsub none is not found", StatusCode.InvalidArgument);
        Assert.Equal("DAPR_PUBSUB_NOT_FOUND", GrpcProbe.Reason(unknown));
        Assert.Single(unknown);

        bench.Broker.FailNextSubscribe(new BrokerUnavailableException("down"));
        await ExpectAsync(new Request { InitialRequest = new() { PubsubName = "pubsub", Topic = "orders" } }, "failed to create subscription for pubsub: down");

        async Task<IReadOnlyList<Google.Protobuf.WellKnownTypes.Any>> ExpectAsync(Request first, string text, StatusCode code = StatusCode.Unknown)
        {
            var client = new Client(bench);
            client.Send(first);
            var error = await GrpcProbe.ErrorOfAsync(() => client.Call);
            Assert.Equal((code, text), (error.Code, error.Text));
            return error.Details;
        }
    }

    [Fact]
    public async Task A_second_initial_request_ends_the_stream()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();

        client.Send(new Request { InitialRequest = new() { PubsubName = "pubsub", Topic = "orders" } });

        Assert.Equal("duplicate initial request received", (await Assert.ThrowsAsync<DaprException>(() => client.Call)).Message);
        Assert.True(subscription.IsDisposed);
    }

    [Fact]
    public async Task A_drain_takes_the_answers_outstanding_and_sends_nothing_new()
    {
        var bench = new PubSubBench().Ready();
        var (busy, quiet, silent) = (new Client(bench), new Client(bench), new Client(bench));
        var subscription = await busy.OpenAsync();
        await quiet.OpenAsync();
        var delivery = subscription.DeliverAsync("""{"id":"a"}""");
        await busy.EventAsync();

        var drain = bench.Host.DrainAsync(Stop);
        Assert.Equal("stream closed", (await Assert.ThrowsAsync<DaprException>(() => quiet.Call)).Message);
        Assert.Equal("api server closed", (await Assert.ThrowsAsync<DaprException>(() => silent.Call)).Message);
        await PubSubBench.UntilAsync(() => subscription.DeliverAsync("{}") is { IsCompleted: true, Result: Settlement.Leave }, "the seal");
        Assert.False(drain.IsCompleted);
        busy.Answer("a", AppStatus.Success);

        Assert.Equal(Settlement.Ack, await delivery);
        Assert.Equal("stream closed", (await Assert.ThrowsAsync<DaprException>(() => busy.Call)).Message);
        await drain;
        Assert.Equal("api server closed", (await Assert.ThrowsAsync<DaprException>(() => new Client(bench).Call)).Message);
    }

    [Fact]
    public async Task An_event_that_is_never_answered_is_left_to_the_broker_after_thirty_seconds()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync(deadLetter: "dlq");
        var delivery = subscription.DeliverAsync("""{"id":"a"}""");

        await bench.AdvanceUntilAsync(bench.Host.DrainAsync(Stop), Step);

        Assert.Equal(Settlement.Leave, await delivery);
        Assert.Empty(bench.Broker.Published);
        await Assert.ThrowsAsync<DaprException>(() => client.Call);
    }

    [Fact]
    public async Task A_client_that_leaves_during_the_drain_is_not_waited_for()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        var subscription = await client.OpenAsync();
        var delivery = subscription.DeliverAsync("""{"id":"a"}""");
        var drain = bench.Host.DrainAsync(Stop);
        await PubSubBench.UntilAsync(() => subscription.IsPaused, "the pause");

        await client.LeaveAsync();
        await drain;

        Assert.Equal(Settlement.Nack, await delivery);
    }

    [Fact]
    public async Task A_replaced_component_ends_its_streams()
    {
        var bench = new PubSubBench().Ready();
        var client = new Client(bench);
        await client.OpenAsync();

        bench.Handle.MarkReady(new FakeBroker());

        Assert.Equal("stream closed", (await Assert.ThrowsAsync<DaprException>(() => client.Call)).Message);
    }

    /// <summary>The client's end of a stream.</summary>
    private sealed class Client : IAsyncStreamReader<Request>, IServerStreamWriter<Response>
    {
        private readonly PubSubBench bench;
        private readonly Channel<Request> requests = Channel.CreateUnbounded<Request>();
        private readonly Channel<Response> responses = Channel.CreateUnbounded<Response>();
        private readonly CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        private int writing;

        public Client(PubSubBench bench)
        {
            this.bench = bench;
            Call = bench.Streams.RunAsync(this, this, cancel.Token).WaitAsync(PubSubBench.Patience);
        }

        public Task Call { get; }

        public bool IsBroken { get; set; }

        public Request Current { get; private set; } = new();

        public WriteOptions? WriteOptions { get; set; }

        public void Send(Request request) => requests.Writer.TryWrite(request);

        public void Answer(string id, AppStatus status) => Send(new Request { EventProcessed = new() { Id = id, Status = new() { Status = status } } });

        public async Task<FakeSubscription> OpenAsync(string? deadLetter = null)
        {
            var initial = new SubscribeTopicEventsRequestInitialAlpha1 { PubsubName = "pubsub", Topic = "orders" };
            if (deadLetter is not null)
            {
                initial.DeadLetterTopic = deadLetter;
            }

            Send(new Request { InitialRequest = initial });
            await ReadyAsync();
            return bench.Broker.Subscriptions.Last();
        }

        public async Task ReadyAsync() => Assert.NotNull((await responses.Reader.ReadAsync(Stop).AsTask().WaitAsync(PubSubBench.Patience)).InitialResponse);

        public async Task<TopicEventRequest> EventAsync() => (await responses.Reader.ReadAsync(Stop).AsTask().WaitAsync(PubSubBench.Patience)).EventMessage;

        public async Task LeaveAsync()
        {
            requests.Writer.Complete();
            await Call;
        }

        public async Task CancelAsync()
        {
            await cancel.CancelAsync();
            await Call;
        }

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (!await requests.Reader.WaitToReadAsync(cancellationToken))
            {
                return false;
            }

            Current = await requests.Reader.ReadAsync(cancellationToken);
            return true;
        }

        public Task WriteAsync(Response message) => WriteAsync(message, Stop);

        public async Task WriteAsync(Response message, CancellationToken cancellationToken)
        {
            Assert.Equal(1, Interlocked.Increment(ref writing));
            await Task.Yield();
            Interlocked.Decrement(ref writing);
            if (IsBroken)
            {
                throw new IOException("connection reset");
            }

            await responses.Writer.WriteAsync(message, cancellationToken);
        }
    }
}
