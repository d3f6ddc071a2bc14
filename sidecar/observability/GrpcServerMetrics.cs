using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;

namespace DaprK8s.Sidecar.Observability;

/// <summary>The <c>dapr_grpc_io_server_*</c> metrics (contract: operations 5.5).</summary>
internal sealed class GrpcServerMetrics(MetricsRegistry registry, SidecarInfo self)
{
    private static readonly string[] StatusLabels = ["app_id", "grpc_server_method", "grpc_server_status"];
    private static readonly string[] MethodLabels = ["app_id", "grpc_server_method"];

    private readonly CounterFamily completed = registry.Counter("dapr_grpc_io_server_completed_rpcs", "RPCs completed.", StatusLabels);
    private readonly HistogramFamily latency = registry.LatencyHistogram("dapr_grpc_io_server_server_latency", "Latency of RPCs.", StatusLabels);
    private readonly HistogramFamily received = registry.SizeHistogram("dapr_grpc_io_server_received_bytes_per_rpc", "Bytes received an RPC.", MethodLabels);
    private readonly HistogramFamily sent = registry.SizeHistogram("dapr_grpc_io_server_sent_bytes_per_rpc", "Bytes sent an RPC.", MethodLabels);

    public void Record(string method, StatusCode status, long receivedBytes, long sentBytes, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, method, Name(status));
        completed.Increment(labels);
        latency.Observe(labels, elapsed.TotalMilliseconds);
        received.Observe(new LabelValues(self.AppId, method), receivedBytes);
        sent.Observe(new LabelValues(self.AppId, method), sentBytes);
    }

    private static string Name(StatusCode status) => status == StatusCode.OK ? "OK" : status == StatusCode.Cancelled ? "Canceled" : status.ToString();
}
