using System.Diagnostics;
using System.Text;
using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>The road of a binding's events to the app: inbound policy, app, answer (contract: messaging 4.4).</summary>
internal sealed class BindingDelivery(ComponentHandle component, BindingServices services)
{
    private const string Json = "application/json";
    private const int Ok = 200;

    private readonly string spanName = "bindings/" + component.Name;
    private readonly string path = BindingSettings.PathOf(component);

    private IAppChannel App => services.App;

    /// <summary>Delivers an event.</summary>
    /// <returns>What the app answered.</returns>
    /// <exception cref="BindingRefusedException">It did not take it.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> DeliverAsync(BindingEvent received, CancellationToken cancellationToken)
    {
        var policy = services.Resiliency.ForComponent(component, FlowDirection.Inbound);
        var started = services.Time.GetTimestamp();
        var success = false;
        using var span = services.Tracer.Start(spanName, ActivityKind.Client, TraceOf(received.Metadata));
        var call = (Self: this, Event: received, Trace: span.Context, Strict: policy is { MayRetry: true });
        try
        {
            var answer = policy is null
                ? await AttemptAsync(call, cancellationToken)
                : await policy.RunAsync(static (c, ct) => AttemptAsync(c, ct), call, cancellationToken);
            success = true;
            return answer;
        }
        catch (BindingRefusedException e) when (call.Strict && e.HttpStatus is not null)
        {
            throw new BindingRefusedException("error invoking app: response object is nil", e) { HttpStatus = e.HttpStatus };
        }
        finally
        {
            services.Metrics.RecordInputBinding(component.Name, success, services.Time.GetElapsedTime(started));
        }
    }

    private static ValueTask<ReadOnlyMemory<byte>> AttemptAsync(
        (BindingDelivery Self, BindingEvent Event, TraceContext Trace, bool Strict) call, CancellationToken cancellationToken)
        => call.Self.App switch
        {
            { Http: { } http } => call.Self.PostAsync(http, call.Event, call.Trace, call.Strict, cancellationToken),
            { Grpc: { } grpc } => call.Self.CallAsync(grpc, call.Event, call.Trace, cancellationToken),
            _ => throw new BindingRefusedException("error invoking app: app channel is not initialized"),
        };

    private async ValueTask<ReadOnlyMemory<byte>> PostAsync(
        IHttpAppChannel http, BindingEvent received, TraceContext trace, bool strict, CancellationToken cancellationToken)
    {
        AppAnswer answer;
        try
        {
            var headers = received.Metadata.Count == 0 ? received.Metadata : DeliveryHeaders.Filter(received.Metadata);
            answer = await http.SendAsync(new AppCall(path, received.Data, Json) { Headers = headers, Trace = trace }, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new BindingRefusedException($"error invoking app: {e.Message}", e);
        }

        // A policy that retries takes nothing but 200 for done (contract: api 3.6).
        return (strict ? answer.Status == Ok : answer.Status is >= 200 and < 300) ? answer.Body
            : throw new BindingRefusedException(
                $"fails to send binding event to http app channel, status code: {answer.Status} body: {Encoding.UTF8.GetString(answer.Body.Span)}")
            {
                HttpStatus = answer.Status,
            };
    }

    private async ValueTask<ReadOnlyMemory<byte>> CallAsync(
        IGrpcAppChannel grpc, BindingEvent received, TraceContext trace, CancellationToken cancellationToken)
    {
        var request = new BindingEventRequest { Name = component.Name, Data = UnsafeByteOperations.UnsafeWrap(received.Data) };
        foreach (var (name, value) in received.Metadata)
        {
            request.Metadata[name] = value;
        }

        BindingEventResponse answer;
        try
        {
            answer = await grpc.CallAsync(BindingCallbacks.OnBindingEvent, request, trace, EmptyMetadata.Instance, cancellationToken);
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BindingRefusedException($"error invoking app: {e.Status.Detail}", e) { GrpcStatus = e.StatusCode };
        }

        foreach (var output in answer.To)
        {
            // Failures of outputs never come back to the input (contract: messaging 4.5).
            services.Logger.LogError("the app's answer to an event of {Binding} names output binding {Output}: couldn't find output binding {Output}", component.Name, output, output);
        }

        return answer.Data.Memory;
    }

    private static TraceContext TraceOf(IReadOnlyDictionary<string, string> metadata)
        => metadata.TryGetValue("traceparent", out var parent) && ActivityContext.TryParse(parent, null, out _)
            ? new TraceContext(parent, metadata.GetValueOrDefault("tracestate")) : TraceContext.None;
}
