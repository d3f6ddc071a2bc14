using DaprK8s.Components;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>Asks the app which bindings it wants the events of (contract: messaging 4.3).</summary>
/// <param name="services">The app.</param>
/// <param name="patience">How long it may take to answer.</param>
internal sealed class BindingDiscovery(BindingServices services, TimeSpan patience)
{
    private const int MethodNotAllowed = 405;

    private readonly Lock gate = new();
    private Task<IReadOnlyList<string>>? listed;

    /// <summary>Whether the app wants a binding's events; an app that can't be asked wants none, which is logged.</summary>
    public async Task<bool> IsWantedAsync(ComponentHandle component, CancellationToken cancellationToken)
    {
        if (BindingSettings.IsInput(component) is { } settled)
        {
            return settled;
        }

        return services.App switch
        {
            { Http: { } http } => await ProbeAsync(http, component, cancellationToken),
            { Grpc: { } grpc } => (await ListAsync(grpc, cancellationToken)).Contains(component.Name),
            _ => false,
        };
    }

    private async Task<bool> ProbeAsync(IHttpAppChannel http, ComponentHandle component, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(patience, services.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var call = new AppCall(BindingSettings.PathOf(component), default, "") { Method = HttpMethod.Options, Trace = TraceContext.None };
            var status = (await http.SendAsync(call, both.Token)).Status;
            return status is (>= 200 and < 300) or MethodNotAllowed;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var problem = limit.IsCancellationRequested ? $"no answer within {patience.TotalSeconds} s" : e.Message;
            services.Logger.LogWarning(
                "could not ask the app whether it wants the events of input binding {Binding} ({Path}), it is not read: {Problem}",
                component.Name, BindingSettings.PathOf(component), problem);
            return false;
        }
    }

    // Asked once for all bindings and for good.
    private Task<IReadOnlyList<string>> ListAsync(IGrpcAppChannel grpc, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            listed ??= AskAsync(grpc);
            return listed.WaitAsync(cancellationToken);
        }
    }

    private async Task<IReadOnlyList<string>> AskAsync(IGrpcAppChannel grpc)
    {
        using var limit = new CancellationTokenSource(patience, services.Time);
        try
        {
            var answer = await grpc.CallAsync(BindingCallbacks.ListInputBindings, new Empty(), TraceContext.None, EmptyMetadata.Instance, limit.Token);
            return [.. answer.Bindings];
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return [];
        }
        catch (Exception e)
        {
            services.Logger.LogWarning("could not ask the app for its input bindings, none is read: {Problem}", e.Message);
            return [];
        }
    }
}
