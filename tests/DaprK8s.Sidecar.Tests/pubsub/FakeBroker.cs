using System.Collections.Concurrent;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.PubSub;

/// <summary>A broker in the test's hands: it keeps what is published, and delivers when and what the test says.</summary>
internal sealed class FakeBroker : IPubSub
{
    private readonly ConcurrentQueue<Exception> subscribeFailures = new();

    public PubSubFeatures Features { get; set; }

    public ConcurrentQueue<(string Topic, byte[] Data, IReadOnlyDictionary<string, string> Metadata, string? ContentType)> Published { get; } = new();

    public ConcurrentQueue<FakeSubscription> Subscriptions { get; } = new();

    /// <summary>Runs instead of a good publish.</summary>
    public Func<PublishMessage, Exception?> OnPublish { get; set; } = static _ => null;

    public int Attempts { get; private set; }

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        Attempts++;
        if (OnPublish(message) is { } failure)
        {
            throw failure;
        }

        Published.Enqueue((message.Topic, message.Data.ToArray(), message.Metadata, message.ContentType));
        return ValueTask.CompletedTask;
    }

    public void FailNextSubscribe(Exception failure) => subscribeFailures.Enqueue(failure);

    public Task<ISubscription> SubscribeAsync(SubscribeRequest request, MessageHandler handler, CancellationToken cancellationToken)
    {
        if (subscribeFailures.TryDequeue(out var failure))
        {
            throw failure;
        }

        var subscription = new FakeSubscription(request, handler);
        Subscriptions.Enqueue(subscription);
        return Task.FromResult<ISubscription>(subscription);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A subscription at the <see cref="FakeBroker"/>.</summary>
internal sealed class FakeSubscription(SubscribeRequest request, MessageHandler handler) : ISubscription
{
    public SubscribeRequest Request { get; } = request;

    public bool IsPaused { get; private set; }

    public bool IsDisposed { get; private set; }

    public Func<Task> OnPause { get; set; } = static () => Task.CompletedTask;

    public Task<Settlement> DeliverAsync(BrokerMessage message) => handler(message, CancellationToken.None).AsTask().WaitAsync(PubSubBench.Patience);

    public Task<Settlement> DeliverAsync(string json) => DeliverAsync(new BrokerMessage(Request.Topic, System.Text.Encoding.UTF8.GetBytes(json)));

    public async ValueTask PauseAsync(CancellationToken cancellationToken)
    {
        IsPaused = true;
        await OnPause();
    }

    public ValueTask DisposeAsync()
    {
        IsDisposed = true;
        return ValueTask.CompletedTask;
    }
}
