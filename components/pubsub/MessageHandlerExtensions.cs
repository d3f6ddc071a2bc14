using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.PubSub;

/// <summary>Calls handlers so that a broken one harms no more than its own message.</summary>
internal static class MessageHandlerExtensions
{
    /// <summary>Hands a message out; a handler that throws, which none should, counts as a negative answer.</summary>
    public static async ValueTask<Settlement> AnswerAsync(
        this MessageHandler handler, BrokerMessage message, ComponentContext context, CancellationToken cancellationToken)
    {
        try
        {
            return await handler(message, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Settlement.Leave;
        }
        catch (Exception e)
        {
            context.Logger.LogError(e, "{Component}: the handler of topic {Topic} threw", context.LogName, message.Topic);
            return Settlement.Nack;
        }
    }
}
