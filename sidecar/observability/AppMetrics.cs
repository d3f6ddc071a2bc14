using System.Globalization;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Runtime;
using Grpc.Core;

namespace DaprK8s.Sidecar.Observability;

/// <summary>Metrics of calls to the app: <c>dapr_http_client_*</c> and <c>dapr_grpc_io_client_*</c> (contract: operations 5.5).</summary>
internal sealed class AppMetrics(MetricsRegistry registry, SidecarInfo self, Live<HttpPathLabel> pathLabel)
{
    private static readonly string[] CallLabels = ["app_id", "method", "path", "status"];
    private static readonly string[] GrpcLabels = ["app_id", "grpc_client_method", "grpc_client_status"];
    private static readonly string[] GrpcMethodLabels = ["app_id", "grpc_client_method"];

    private readonly CounterFamily completed = registry.Counter("dapr_http_client_completed_count", "Calls to the app that were answered.", CallLabels);
    private readonly HistogramFamily latency = registry.LatencyHistogram("dapr_http_client_roundtrip_latency", "Time between sending a call to the app and the end of its answer's head.", CallLabels);
    private readonly HistogramFamily sent = registry.SizeHistogram("dapr_http_client_sent_bytes", "Bytes of request bodies to the app.", CallLabels);
    private readonly HistogramFamily received = registry.SizeHistogram("dapr_http_client_received_bytes", "Bytes of response bodies from the app.", "app_id");
    private readonly CounterFamily probes = registry.Counter("dapr_http_healthprobes_completed_count", "Health probes of the app.", "app_id", "status");
    private readonly HistogramFamily probeLatency = registry.LatencyHistogram("dapr_http_healthprobes_roundtrip_latency", "Latency of health probes.", "app_id", "status");
    private readonly CounterFamily grpcCompleted = registry.Counter("dapr_grpc_io_client_completed_rpcs", "RPCs to the app.", GrpcLabels);
    private readonly HistogramFamily grpcLatency = registry.LatencyHistogram("dapr_grpc_io_client_roundtrip_latency", "Latency of RPCs to the app.", GrpcLabels);
    private readonly HistogramFamily grpcSent = registry.SizeHistogram("dapr_grpc_io_client_sent_bytes_per_rpc", "Bytes sent an RPC.", GrpcMethodLabels);
    private readonly HistogramFamily grpcReceived = registry.SizeHistogram("dapr_grpc_io_client_received_bytes_per_rpc", "Bytes received an RPC.", GrpcMethodLabels);
    private readonly CounterFamily grpcProbes = registry.Counter("dapr_grpc_io_healthprobes_completed_count", "Health probes of the app.", "app_id", "grpc_client_status");
    private readonly HistogramFamily grpcProbeLatency = registry.LatencyHistogram("dapr_grpc_io_healthprobes_roundtrip_latency", "Latency of health probes.", "app_id", "grpc_client_status");

    public void RecordHttp(string verb, string path, int status, long? sentBytes, long? receivedBytes, TimeSpan elapsed)
    {
        var paths = pathLabel.Value;
        var method = paths.Method(verb);
        var label = paths.ForApp(path);
        var labels = new LabelValues(self.AppId, method, label, status == 0 ? "" : status.ToString(CultureInfo.InvariantCulture));
        completed.Increment(labels);
        latency.Observe(labels, elapsed.TotalMilliseconds);
        sent.Observe(new LabelValues(self.AppId, method, label, ""), sentBytes ?? 0);
        received.Observe(new LabelValues(self.AppId), receivedBytes ?? 0);
    }

    public void RecordHttpProbe(int status, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, status.ToString(CultureInfo.InvariantCulture));
        probes.Increment(labels);
        probeLatency.Observe(labels, elapsed.TotalMilliseconds);
    }

    public void RecordGrpc(string method, StatusCode status, long sentBytes, long receivedBytes, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, method, status.ToString());
        grpcCompleted.Increment(labels);
        grpcLatency.Observe(labels, elapsed.TotalMilliseconds);
        grpcSent.Observe(new LabelValues(self.AppId, method), sentBytes);
        grpcReceived.Observe(new LabelValues(self.AppId, method), receivedBytes);
    }

    public void RecordGrpcProbe(StatusCode status, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, status.ToString());
        grpcProbes.Increment(labels);
        grpcProbeLatency.Observe(labels, elapsed.TotalMilliseconds);
    }
}
