using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>
/// The last stretch to a broker, the same for what apps publish and for dead letters: topic scope, namespace prefix, outbound
/// policy, broker.
/// </summary>
internal sealed class BrokerRoad(IResiliency resiliency, PubSubSettingsCache settings, SidecarInfo self)
{
    /// <summary>Publishes a finished message.</summary>
    /// <param name="component">The broker; waited for while it starts.</param>
    /// <param name="message">The message; its topic is the app's.</param>
    /// <param name="surface">How the policy's rules see a broker's error.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaprException">The scope denies, or the broker or the policy gave up.</exception>
    public async ValueTask PublishAsync(ComponentHandle component, PublishMessage message, PublishSurface surface, CancellationToken cancellationToken)
    {
        if (!settings.Of(component).Scopes.MayPublish(message.Topic))
        {
            throw PubSubErrors.Forbidden(component.Name, message.Topic, self.AppId).ToException();
        }

        try
        {
            if (resiliency.ForComponent(component, FlowDirection.Outbound) is not { } policy)
            {
                using var use = await component.UseAsync<IPubSub>(cancellationToken);
                await use.Instance.PublishAsync(ForBroker(use.Component, message), cancellationToken);
                return;
            }

            await policy.RunAsync(
                static async (attempt, ct) =>
                {
                    await attempt.RunAsync(ct);
                    return true;
                },
                new Attempt(this, component, message, surface),
                cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (DaprException)
        {
            throw;
        }
        catch (ComponentNotReadyException e) when (component.Status == ComponentStatus.Closed)
        {
            throw PubSubErrors.Vanished(component.Name, message.Topic).ToException(e);
        }
        catch (ComponentNotReadyException e)
        {
            throw PubSubErrors.NotReady(e.Message, message.Metadata).ToException(e);
        }
        catch (Exception e)
        {
            throw PubSubErrors.Publish(component.Name, message.Topic, e.Message).ToException(e);
        }
    }

    // By the settings of the very version that the message goes to.
    private PublishMessage ForBroker(ComponentHandle component, PublishMessage message)
    {
        var broker = settings.Of(component);
        return !broker.Scopes.MayPublish(message.Topic) ? throw PubSubErrors.Forbidden(component.Name, message.Topic, self.AppId).ToException()
            : broker.TopicPrefix.Length == 0 ? message
            : message with { Topic = broker.ToBroker(message.Topic) };
    }

    private readonly record struct Attempt(BrokerRoad Road, ComponentHandle Component, PublishMessage Message, PublishSurface Surface)
    {
        public async ValueTask RunAsync(CancellationToken cancellationToken)
        {
            using var use = await Component.UseAsync<IPubSub>(cancellationToken);
            var sent = Road.ForBroker(use.Component, Message);
            try
            {
                await use.Instance.PublishAsync(sent, cancellationToken);
            }
            catch (BrokerUnavailableException e)
            {
                throw new BrokerFailureException(e, StatusCode.Unavailable, Surface);
            }
            catch (PublishRejectedException e)
            {
                throw new BrokerFailureException(e, StatusCode.FailedPrecondition, Surface);
            }
            catch (RpcException e)
            {
                throw new BrokerFailureException(e, e.StatusCode, Surface);
            }
        }
    }

    /// <summary>A broker's error with the code that retry rules compare.</summary>
    private sealed class BrokerFailureException(Exception cause, StatusCode code, PublishSurface surface) : Exception(cause.Message, cause), ICodedFailure
    {
        public int? HttpStatus => surface == PublishSurface.Http ? StatusMapping.ToHttp(code) : null;

        public StatusCode? GrpcStatus => surface == PublishSurface.Grpc ? code : null;
    }
}
