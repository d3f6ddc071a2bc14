using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Operator.Api;
using DaprK8s.Protos.Operator.Status.V1;
using Grpc.Core;

namespace DaprK8s.Operator.Reports;

/// <summary>Takes the reports of sidecars, and those that other replicas hand on.</summary>
internal sealed class StatusService(ReportTable table, SpiffeId self, Func<bool> isLeader)
{
    private const string Service = "daprk8s.proto.operator.v1.ResourceStatus";

    /// <summary>Adds the methods to a table.</summary>
    public void Register(GrpcMethods methods)
    {
        methods.ClientStream<ReportRequest, ReportResponse>(Service, "Report", ReportRequest.Parser, ReportAsync);
        methods.ClientStream<RelayRequest, RelayResponse>(Service, "Relay", RelayRequest.Parser, RelayAsync);
    }

    private async Task<ReportResponse> ReportAsync(IAsyncStreamReader<ReportRequest> requests, ServerCallContext context)
    {
        var owner = new object();
        PodKey? pod = null;
        try
        {
            while (await requests.MoveNext(context.CancellationToken))
            {
                var request = requests.Current;
                var caller = Caller.Of(context, request.Namespace);
                pod ??= new PodKey(caller.Namespace, caller.AppId, PodName(request.PodName));
                table.Apply(owner, pod.Value, request.Snapshot, request.Resources);
            }

            return new ReportResponse();
        }
        finally
        {
            if (pod is { } reported)
            {
                table.Remove(owner, reported);
            }
        }
    }

    private async Task<RelayResponse> RelayAsync(IAsyncStreamReader<RelayRequest> requests, ServerCallContext context)
    {
        if (Caller.Of(context) != self)
        {
            throw Caller.Denied("only an operator may hand on reports");
        }

        var owner = new object();
        try
        {
            while (await requests.MoveNext(context.CancellationToken))
            {
                if (!isLeader())
                {
                    throw new RpcException(new Status(StatusCode.FailedPrecondition, "this replica does not lead"));
                }

                Take(owner, requests.Current);
            }

            return new RelayResponse();
        }
        finally
        {
            table.RemoveAll(owner, static _ => false);
        }
    }

    private void Take(object owner, RelayRequest request)
    {
        foreach (var report in request.Reports)
        {
            var pod = new PodKey(report.Namespace, report.AppId, report.PodName);
            if (report.Gone)
            {
                table.Remove(owner, pod);
            }
            else
            {
                table.Apply(owner, pod, isSnapshot: true, report.Resources);
            }
        }

        if (request.Snapshot)
        {
            var all = request.Reports.Select(r => new PodKey(r.Namespace, r.AppId, r.PodName)).ToHashSet();
            table.RemoveAll(owner, all.Contains);
        }
    }

    private static string PodName(string name) => name.Length <= 253 ? name : name[..253];
}
