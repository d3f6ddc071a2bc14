using DaprK8s.Protos.Operator.Status.V1;
using Grpc.Core;
using Grpc.Net.Client;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Support;

/// <summary>The side of a sidecar that reports what it has loaded.</summary>
internal sealed class ReportingSidecar : IDisposable
{
    private readonly AsyncClientStreamingCall<ReportRequest, ReportResponse> call;
    private readonly string pod;

    private ReportingSidecar(AsyncClientStreamingCall<ReportRequest, ReportResponse> call, string pod) => (this.call, this.pod) = (call, pod);

    public static Task<ReportingSidecar> ReportAsync(
        RunningOperator running, string app, string pod, params (string Name, State State, string Reason, string Message)[] states)
        => ReportAsync(running.Connect("default", app), pod, states);

    public static async Task<ReportingSidecar> ReportAsync(GrpcChannel channel, string pod, params (string Name, State State, string Reason, string Message)[] states)
    {
        var sidecar = new ReportingSidecar(new ResourceStatus.ResourceStatusClient(channel).Report(), pod);
        await sidecar.SnapshotAsync(states);
        return sidecar;
    }

    /// <summary>A thousand sidecars of ten apps, that report the same at once.</summary>
    public static async Task<ReportingSidecar[]> ReportThousandAsync(RunningOperator running, params (string Name, State State, string Reason, string Message)[] states)
    {
        var channels = Enumerable.Range(0, 10).Select(i => running.Connect("default", $"app-{i}")).ToArray();
        return await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => ReportAsync(channels[i % 10], $"pod-{i}", states)));
    }

    /// <summary>All that is loaded.</summary>
    public Task SnapshotAsync(params (string Name, State State, string Reason, string Message)[] states) => SendAsync(true, states);

    /// <summary>What has changed.</summary>
    public Task ChangeAsync(params (string Name, State State, string Reason, string Message)[] states) => SendAsync(false, states);

    /// <summary>Ends as a sidecar that shuts down: the operator has taken all before it answers.</summary>
    public async Task EndAsync()
    {
        await call.RequestStream.CompleteAsync();
        await call.ResponseAsync;
        call.Dispose();
    }

    public void Dispose() => call.Dispose();

    private Task SendAsync(bool isSnapshot, (string Name, State State, string Reason, string Message)[] states)
    {
        var request = new ReportRequest { Namespace = "default", PodName = pod, Snapshot = isSnapshot };
        request.Resources.AddRange(states.Select(s => new ResourceState { Kind = "Component", Name = s.Name, State = s.State, Reason = s.Reason, Message = s.Message }));
        return call.RequestStream.WriteAsync(request, TestContext.Current.CancellationToken);
    }
}
