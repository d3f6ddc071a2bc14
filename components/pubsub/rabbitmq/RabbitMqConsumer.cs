using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// The consumer of a subscription on one channel. It lives as long as the channel: when either ends, the subscription makes
/// another one.
/// </summary>
internal sealed class RabbitMqConsumer : IAsyncBasicConsumer, IAsyncDisposable
{
    private readonly IChannel channel;
    private readonly RabbitMqSubscription owner;
    private readonly string tag;
    private readonly TaskCompletionSource<string> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool cancelled;

    private RabbitMqConsumer(IChannel channel, RabbitMqSubscription owner, string tag)
    {
        this.channel = channel;
        this.owner = owner;
        this.tag = tag;
        channel.ChannelShutdownAsync += OnShutdownAsync;
    }

    /// <summary>Completes with the reason once no more messages come by themselves.</summary>
    public Task<string> Ended => ended.Task;

    IChannel IAsyncBasicConsumer.Channel => channel;

    /// <summary>Declares what the plan says and starts to consume.</summary>
    public static async Task<RabbitMqConsumer> StartAsync(
        IConnection connection, SubscriptionPlan plan, RabbitMqSubscription owner, CancellationToken cancellationToken)
    {
        var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        try
        {
            await plan.DeclareAsync(channel, cancellationToken);
            if (owner.Settings.PrefetchCount > 0)
            {
                await channel.BasicQosAsync(0, owner.Settings.PrefetchCount, global: false, cancellationToken);
            }

            var consumer = new RabbitMqConsumer(channel, owner, plan.NewConsumerTag());
            await channel.BasicConsumeAsync(
                plan.Queue,
                owner.Settings.AutoAck,
                consumer.tag,
                noLocal: false,
                exclusive: false,
                arguments: null,
                consumer,
                cancellationToken);
            return consumer;
        }
        catch
        {
            await channel.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes the consumer off the broker. Messages at hand can still be settled.</summary>
    public async Task CancelAsync(CancellationToken cancellationToken)
    {
        if (cancelled || !channel.IsOpen)
        {
            return;
        }

        cancelled = true;
        try
        {
            await channel.BasicCancelAsync(tag, noWait: false, cancellationToken);
            if (owner.Settings.AutoAck)
            {
                // The broker has dropped these already, so they can't go back: they are handed out first.
                await Task.WhenAny(drained.Task, ended.Task).WaitAsync(cancellationToken);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            owner.LogFailure("taking the consumer off the broker", e);
        }
    }

    /// <summary>Gives the broker the answer for a message.</summary>
    public async ValueTask SettleAsync(ulong deliveryTag, Settlement settlement)
    {
        if (owner.Settings.AutoAck || settlement == Settlement.Leave)
        {
            return;
        }

        try
        {
            if (settlement == Settlement.Ack)
            {
                await channel.BasicAckAsync(deliveryTag, multiple: false);
            }
            else
            {
                await channel.BasicNackAsync(deliveryTag, multiple: false, owner.Settings.Requeue);
            }
        }
        catch (Exception e)
        {
            // The channel is gone, and with it the broker's memory of having sent this message: it sends it again.
            owner.LogFailure("answering a message", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Closing waits for the broker's answer, which comes after all acknowledgements before it were taken in.
        await channel.DisposeAsync();
        ended.TrySetResult("closed");
    }

    /// <inheritdoc/>
    public async Task HandleBasicDeliverAsync(
        string consumerTag,
        ulong deliveryTag,
        bool redelivered,
        string exchange,
        string routingKey,
        IReadOnlyBasicProperties properties,
        ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken = default)
    {
        if (ended.Task.IsCompleted)
        {
            return;
        }

        var delivery = new RabbitMqDelivery(owner, this, deliveryTag, properties, body);
        if (owner.Settings.Single)
        {
            await delivery.HandleAloneAsync();
        }
        else
        {
            delivery.Start();
        }
    }

    /// <inheritdoc/>
    public Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        ended.TrySetResult("the broker ended the consumer, its queue may have been deleted");
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        drained.TrySetResult();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken = default) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason) => Task.CompletedTask;

    // Unlike the consumer's own notice this one does not queue up behind deliveries.
    private Task OnShutdownAsync(object sender, ShutdownEventArgs reason)
    {
        ended.TrySetResult(reason.ReplyText);
        return Task.CompletedTask;
    }
}
