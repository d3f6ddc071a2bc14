using RabbitMQ.Client;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>A delivered message on its way to the handler.</summary>
internal sealed class RabbitMqDelivery : IThreadPoolWorkItem
{
    private readonly RabbitMqSubscription owner;
    private readonly RabbitMqConsumer consumer;
    private readonly ulong deliveryTag;
    private readonly BrokerMessage message;

    public RabbitMqDelivery(
        RabbitMqSubscription owner,
        RabbitMqConsumer consumer,
        ulong deliveryTag,
        IReadOnlyBasicProperties properties,
        ReadOnlyMemory<byte> body)
    {
        this.owner = owner;
        this.consumer = consumer;
        this.deliveryTag = deliveryTag;
        message = new BrokerMessage(owner.Topic, owner.Settings.Single ? body : body.ToArray())
        {
            Metadata = owner.Settings.PropertiesToMetadata ? MessageProperties.ToMetadata(properties) : EmptyMetadata.Instance,

            // The default is put on messages of any type, so it tells nothing.
            ContentType = properties.ContentType is MessageProperties.DefaultContentType ? null : properties.ContentType,
        };
    }

    /// <summary>Has the message handled beside others. The client's memory was copied: it is reused when this returns.</summary>
    public void Start()
    {
        owner.InFlight.Enter();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Has the message handled while no other one of the subscription is, and waits for it.</summary>
    public async Task HandleAloneAsync()
    {
        owner.InFlight.Enter();
        await owner.Turn.WaitAsync();
        try
        {
            await HandleAsync();
        }
        finally
        {
            owner.Turn.Release();
            owner.InFlight.Exit();
        }
    }

    async void IThreadPoolWorkItem.Execute()
    {
        try
        {
            await HandleAsync();
        }
        finally
        {
            owner.InFlight.Exit();
        }
    }

    private async Task HandleAsync()
    {
        // What was fetched before a pause goes back to the queue with the channel, but for what the broker holds no more.
        if (owner.IsPaused && !owner.Settings.AutoAck)
        {
            return;
        }

        var settlement = await owner.AnswerAsync(message);
        await consumer.SettleAsync(deliveryTag, settlement);
    }
}
