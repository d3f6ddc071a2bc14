using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Request = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsRequestAlpha1;
using RequestCase = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsRequestAlpha1.SubscribeTopicEventsRequestTypeOneofCase;
using Response = DaprK8s.Protos.Runtime.V1.SubscribeTopicEventsResponseAlpha1;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Subscriptions that the app opens as streams (contract: messaging 2.4, api 2.8). Each is a component subscription of its
/// own, needs no app port and does not care about the app's health.
/// </summary>
internal sealed class SubscriptionStreams(
    ComponentRegistry components, SubscriptionCatalog catalog, PubSubSettingsCache settings, DeliveryServices services)
{
    private const string StreamClosed = "stream closed";

    private readonly WorkGate open = new();
    private readonly TaskCompletionSource stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Serves one stream until it ends.</summary>
    /// <exception cref="DaprException">How it ended, unless the client closed it.</exception>
    public async Task RunAsync(IAsyncStreamReader<Request> requests, IServerStreamWriter<Response> responses, CancellationToken cancellationToken)
    {
        if (!open.TryEnter())
        {
            throw PubSubErrors.Stream("api server closed").ToException();
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var initial = await ReadInitialAsync(requests, ended);
            await ServeAsync(initial, requests, responses, ended.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client has gone; there is no one to tell.
        }
        finally
        {
            open.Exit();
        }
    }

    /// <summary>Ends every stream: no new events, answers to those outstanding are still taken. Returns when all have ended.</summary>
    public async Task DrainAsync()
    {
        open.Seal();
        stopping.TrySetResult();
        await open.Idle;
    }

    private async Task<SubscribeTopicEventsRequestInitialAlpha1> ReadInitialAsync(IAsyncStreamReader<Request> requests, CancellationTokenSource ended)
    {
        var read = requests.MoveNext(ended.Token);
        if (await Task.WhenAny(read, stopping.Task) != read)
        {
            await ended.CancelAsync();
            await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw PubSubErrors.Stream("api server closed").ToException();
        }

        if (!await read || requests.Current.SubscribeTopicEventsRequestTypeCase != RequestCase.InitialRequest)
        {
            throw PubSubErrors.Stream("initial request is required").ToException();
        }

        var initial = requests.Current.InitialRequest;
        return initial.PubsubName.Length == 0 ? throw PubSubErrors.Stream("pubsubName is required").ToException()
            : initial.Topic.Length == 0 ? throw PubSubErrors.Stream("topic is required").ToException()
            : initial;
    }

    private async Task ServeAsync(
        SubscribeTopicEventsRequestInitialAlpha1 initial,
        IAsyncStreamReader<Request> requests,
        IServerStreamWriter<Response> responses,
        CancellationToken cancellationToken)
    {
        var component = components.Find(ComponentKind.PubSub, initial.PubsubName)
            ?? throw PubSubErrors.NotFound(initial.PubsubName, null).ToException();
        using var use = await ReadyAsync(component, cancellationToken);
        (component, var broker) = (use.Component, use.Instance);
        var definition = Define(initial, component);
        var receiver = new StreamEventReceiver();
        var active = await OpenAsync(definition, component, broker, receiver, cancellationToken);
        catalog.AddStream(definition);
        using var talk = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = ReadAnswersAsync(requests, receiver, definition, talk.Token);
        var writing = WriteEventsAsync(responses, receiver, talk.Token);
        try
        {
            await Task.WhenAny(reading, writing, stopping.Task, ReplacementAsync(component, broker, talk.Token));
            var closing = reading.IsCompleted || writing.IsCompleted ? active.AbandonAsync() : active.CloseAsync();
            if (await Task.WhenAny(closing, reading, writing) != closing)
            {
                // The client left while its last events were waited for.
                await active.AbandonAsync();
            }

            await closing;
            var failure = reading.IsCompleted ? await reading : writing.IsCompleted ? null : PubSubErrors.Stream(StreamClosed);
            if (failure is not null)
            {
                throw failure.ToException();
            }
        }
        finally
        {
            await active.AbandonAsync();
            catalog.RemoveStream(definition);

            // Neither may touch the call, or a buffer of it, once it has ended.
            receiver.Complete();
            await talk.CancelAsync();
            await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static SubscriptionDefinition Define(SubscribeTopicEventsRequestInitialAlpha1 initial, ComponentHandle component)
    {
        if (!MetadataLookup.TryReadRawPayload(initial.Metadata, out var raw, out var problem))
        {
            throw NotCreated(component, problem);
        }

        return new SubscriptionDefinition(component.Name, initial.Topic, SubscriptionOrigin.Streaming, [new RouteRule("", StreamEventReceiver.Path)])
        {
            Metadata = initial.Metadata,
            DeadLetterTopic = initial.DeadLetterTopic,
            IsRaw = raw,
        };
    }

    private static async Task<ComponentUse<IPubSub>> ReadyAsync(ComponentHandle component, CancellationToken cancellationToken)
    {
        try
        {
            return await component.UseAsync<IPubSub>(cancellationToken);
        }
        catch (ComponentNotReadyException e)
        {
            throw PubSubErrors.NotReady(e.Message, null).ToException(e);
        }
    }

    private async Task<ActiveSubscription> OpenAsync(
        SubscriptionDefinition definition, ComponentHandle component, IPubSub broker, StreamEventReceiver receiver, CancellationToken cancellationToken)
    {
        var rules = settings.Of(component);
        if (!rules.Scopes.MaySubscribe(definition.Topic))
        {
            throw NotCreated(component, PubSubErrors.SubscriptionDenied(component.Name, definition.Topic));
        }

        var delivery = new EventDelivery(definition, component, rules, receiver, services);
        var request = new SubscribeRequest(rules.ToBroker(definition.Topic), definition.Metadata);
        try
        {
            return await ActiveSubscription.OpenAsync(broker, request, delivery, services, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw NotCreated(component, e.Message);
        }
    }

    private static DaprException NotCreated(ComponentHandle component, string problem)
        => PubSubErrors.Stream($"failed to create subscription for {component.Name}: {problem}").ToException();

    /// <summary>Takes answers until the client closes its side; the error that ends the stream, if there is one.</summary>
    private async Task<DaprError?> ReadAnswersAsync(
        IAsyncStreamReader<Request> requests, StreamEventReceiver receiver, SubscriptionDefinition definition, CancellationToken cancellationToken)
    {
        try
        {
            while (await requests.MoveNext(cancellationToken))
            {
                if (requests.Current.SubscribeTopicEventsRequestTypeCase != RequestCase.EventProcessed)
                {
                    return PubSubErrors.Stream("duplicate initial request received");
                }

                var processed = requests.Current.EventProcessed;
                if (!receiver.TryAnswer(processed.Id, processed.Status?.Status ?? default))
                {
                    services.Logger.LogWarning("a stream of topic {Topic} answered event {Id}, which awaits no answer", definition.Topic, processed.Id);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or RpcException or InvalidOperationException)
        {
            services.Logger.LogDebug("a stream of topic {Topic} broke off: {Error}", definition.Topic, e.Message);
        }

        return null;
    }

    /// <summary>Writes the first response, then events until there are no more or the client is gone.</summary>
    private async Task WriteEventsAsync(IServerStreamWriter<Response> responses, StreamEventReceiver receiver, CancellationToken cancellationToken)
    {
        try
        {
            await responses.WriteAsync(new Response { InitialResponse = new SubscribeTopicEventsResponseInitialAlpha1() }, cancellationToken);
            await foreach (var message in receiver.Outgoing.ReadAllAsync(cancellationToken))
            {
                await responses.WriteAsync(new Response { EventMessage = message }, cancellationToken);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or RpcException or InvalidOperationException)
        {
            services.Logger.LogDebug("writing to a stream broke off: {Error}", e.Message);
        }
    }

    private async Task ReplacementAsync(ComponentHandle component, IPubSub broker, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var signal = Task.WhenAny(components.Changed, component.Changed);
                if (!ReferenceEquals(component.Instance, broker) || components.Find(ComponentKind.PubSub, component.Name) != component)
                {
                    return;
                }

                await signal.WaitAsync(cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The stream has ended first.
        }
    }
}
