using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>
/// Publishes over one channel. Messages enter the channel one after the other, which keeps their order; the confirmations
/// are awaited side by side.
/// </summary>
internal sealed class RabbitMqPublisher(RabbitMqLink link, RabbitMqSettings settings, ComponentContext context) : IAsyncDisposable
{
    private const int Attempts = 3;
    private static readonly TimeSpan RefusalWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ConfirmTimeout = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim gate = new(1, 1);
    private volatile PublishChannel? current;

    /// <summary>Publishes, trying again while the broker can't be reached.</summary>
    public async ValueTask PublishAsync(PublishMessage message, CancellationToken cancellationToken)
    {
        var routingKey = "";
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                // A record of its own for each attempt: the client may add to it.
                var properties = Describe(message, ref routingKey, warn: attempt == 1);
                var (channel, confirmation) = await SendAsync(message, routingKey, properties, cancellationToken);
                await AwaitAsync(channel, confirmation, cancellationToken);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
            {
                if (attempt == Attempts)
                {
                    throw new BrokerUnavailableException($"publishing to {message.Topic} failed: {e.Message}", e);
                }

                context.Logger.LogWarning(
                    "{Component}: publishing to {Topic} failed, trying again: {Problem}", context.LogName, message.Topic, e.Message);
            }

            await WaitAsync(cancellationToken);
        }
    }

    /// <summary>Makes the next publish on the topic declare its exchange again; one of its queues went away.</summary>
    public void Forget(string topic) => current?.Forget(topic);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // A publisher may hold the gate for as long as the broker reads nothing. Then closing the connection must do.
        if (!await gate.WaitAsync(InFlight.Patience))
        {
            return;
        }

        try
        {
            if (current is not null)
            {
                await current.CloseAsync(Refusal.Closed()).AsTask().WaitAsync(InFlight.Patience, context.Time);
            }
        }
        catch (TimeoutException)
        {
            context.Logger.LogWarning("{Component}: the broker does not answer, the channel is left", context.LogName);
        }
        finally
        {
            gate.Release();
        }
    }

    private async ValueTask AwaitAsync(PublishChannel channel, Task confirmation, CancellationToken cancellationToken)
    {
        if (confirmation.IsCompletedSuccessfully)
        {
            return;
        }

        try
        {
            await confirmation.WaitAsync(ConfirmTimeout, context.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // What was sent while a queue was without a leader may stay unconfirmed for ever. It has to be sent again.
            context.Logger.LogWarning(
                "{Component}: the broker did not confirm within {Timeout}, the channel is replaced", context.LogName, ConfirmTimeout);
            await gate.WaitAsync(cancellationToken);
            try
            {
                await channel.CloseAsync(new BrokerUnavailableException("the broker did not confirm in time"));
            }
            finally
            {
                gate.Release();
            }

            throw new BrokerUnavailableException($"the broker did not confirm within {ConfirmTimeout.TotalSeconds} s");
        }
    }

    private async Task<(PublishChannel Channel, Task Confirmation)> SendAsync(
        PublishMessage message, string routingKey, BasicProperties properties, CancellationToken cancellationToken)
    {
        var connection = await link.GetAsync(cancellationToken);
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (link.BlockedBy is { } reason)
            {
                throw new BrokerUnavailableException($"the broker takes no messages for now: {reason}");
            }

            if (current is null || !current.Serves(connection))
            {
                if (current is { } old)
                {
                    await old.CloseAsync(new BrokerUnavailableException("the channel was replaced"));
                }

                current = await PublishChannel.OpenAsync(settings, connection);
            }

            try
            {
                return (current, await current.SendAsync(message, routingKey, properties));
            }
            catch (Exception e)
            {
                // Whether the message was numbered is unknown now, so the numbers of this channel are good no more.
                await current.CloseAsync(e);
                throw;
            }
        }
        finally
        {
            gate.Release();
        }
    }

    private Task WaitAsync(CancellationToken cancellationToken)
    {
        var wait = !link.IsOpen ? Jitter.Around(settings.ReconnectWait)
            : current is { IsOpen: true } ? Jitter.Around(RefusalWait)
            : TimeSpan.Zero; // Only the channel is gone, which a new one mends.
        return Task.Delay(wait, context.Time, cancellationToken);
    }

    private BasicProperties Describe(PublishMessage message, ref string routingKey, bool warn)
    {
        var properties = new BasicProperties { ContentType = MessageProperties.DefaultContentType };
        if (settings.DeliveryMode != 0)
        {
            properties.DeliveryMode = settings.DeliveryMode;
        }

        if (MessageProperties.Apply(message.Metadata, properties, ref routingKey) is { } problem && warn)
        {
            context.Logger.LogWarning(
                "{Component}: publishing to {Topic}: {Problem}, it is ignored", context.LogName, message.Topic, problem);
        }

        if (properties.Expiration is null && settings.TimeToLive is { } ttl)
        {
            properties.Expiration = MessageProperties.FormatExpiration(ttl);
        }

        return properties;
    }
}
