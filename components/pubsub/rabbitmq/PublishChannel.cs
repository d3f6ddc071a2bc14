using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// A channel for publishing: what was declared on it, and what the broker has yet to confirm. Used by one publisher at a
/// time, so that sequence numbers and order hold.
/// </summary>
internal sealed class PublishChannel
{
    private readonly RabbitMqSettings settings;
    private readonly IConnection connection;
    private readonly IChannel channel;
    private readonly HashSet<string> declared = new(StringComparer.Ordinal);
    private readonly PublisherConfirms? confirms;

    private PublishChannel(RabbitMqSettings settings, IConnection connection, IChannel channel)
    {
        this.settings = settings;
        this.connection = connection;
        this.channel = channel;
        confirms = settings.Confirm ? new PublisherConfirms() : null;
        if (confirms is not null)
        {
            channel.BasicAcksAsync += OnAckAsync;
            channel.BasicNacksAsync += OnNackAsync;
            channel.ChannelShutdownAsync += OnShutdownAsync;
        }
    }

    /// <summary>Whether the channel is usable.</summary>
    public bool IsOpen => channel.IsOpen;

    /// <summary>Opens a channel.</summary>
    public static async Task<PublishChannel> OpenAsync(RabbitMqSettings settings, IConnection connection)
    {
        var options = new CreateChannelOptions(settings.Confirm, publisherConfirmationTrackingEnabled: false);
        return new PublishChannel(settings, connection, await connection.CreateChannelAsync(options));
    }

    /// <summary>Whether the channel is usable and belongs to this connection.</summary>
    public bool Serves(IConnection current) => IsOpen && connection == current;

    /// <summary>Makes the next publish on the topic declare its exchange again.</summary>
    public void Forget(string topic)
    {
        lock (declared)
        {
            declared.Remove(topic);
        }
    }

    /// <summary>Sends a message.</summary>
    /// <returns>Completes once the broker has confirmed the message, at once without confirms.</returns>
    public async Task<Task> SendAsync(PublishMessage message, string routingKey, BasicProperties properties)
    {
        if (!IsDeclared(message.Topic))
        {
            await SubscriptionPlan.DeclareExchangeAsync(channel, settings, message.Topic, CancellationToken.None);
            lock (declared)
            {
                declared.Add(message.Topic);
            }
        }

        // The call copies the body before it first waits. A cancelled one would leave it open whether the message was numbered.
        var confirmation = confirms?.Expect() ?? Task.CompletedTask;
        await channel.BasicPublishAsync(message.Topic, routingKey, mandatory: false, properties, message.Data, CancellationToken.None);
        return confirmation;
    }

    /// <summary>Closes the channel; unconfirmed messages fail. Can be repeated.</summary>
    public async ValueTask CloseAsync(Exception reason)
    {
        confirms?.End(reason);
        await channel.DisposeAsync();
    }

    private bool IsDeclared(string topic)
    {
        lock (declared)
        {
            return declared.Contains(topic);
        }
    }

    private Task OnAckAsync(object sender, BasicAckEventArgs ack)
    {
        confirms!.Settle(ack.DeliveryTag, ack.Multiple, taken: true);
        return Task.CompletedTask;
    }

    private Task OnNackAsync(object sender, BasicNackEventArgs nack)
    {
        confirms!.Settle(nack.DeliveryTag, nack.Multiple, taken: false);
        return Task.CompletedTask;
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs reason)
    {
        confirms!.End(new BrokerUnavailableException($"the channel was closed before the broker confirmed: {reason.ReplyText}"));
        return Task.CompletedTask;
    }
}
