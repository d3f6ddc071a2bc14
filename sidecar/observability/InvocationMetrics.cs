using System.Globalization;
using DaprK8s.Common.Metrics;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Observability;

/// <summary>The <c>dapr_runtime_service_invocation_*</c> metrics (contract: messaging 5.16).</summary>
internal sealed class InvocationMetrics(MetricsRegistry registry, SidecarInfo self)
{
    private const string Prefix = "dapr_runtime_service_invocation_";

    private readonly CounterFamily sent = registry.Counter(Prefix + "req_sent_total", "Requests sent to other apps.", "app_id", "dst_app_id", "type");
    private readonly CounterFamily received = registry.Counter(Prefix + "req_recv_total", "Requests received from other apps.", "app_id", "src_app_id");
    private readonly CounterFamily answered = registry.Counter(Prefix + "res_sent_total", "Answers sent to other apps.", "app_id", "dst_app_id", "status");
    private readonly CounterFamily answers = registry.Counter(Prefix + "res_recv_total", "Answers received from other apps.", "app_id", "src_app_id", "status", "type");
    private readonly HistogramFamily latency = registry.LatencyHistogram(Prefix + "res_recv_latency_ms", "Time until an answer of another app.", "app_id", "src_app_id", "status");

    public void RequestSent(string target, bool streaming) => sent.Increment(new LabelValues(self.AppId, target, streaming ? "streaming" : "unary"));

    public void RequestReceived(string caller) => received.Increment(new LabelValues(self.AppId, caller));

    public void ResponseSent(string caller, int status) => answered.Increment(new LabelValues(self.AppId, caller, Text(status)));

    public void ResponseReceived(string target, int status, bool streaming, TimeSpan elapsed)
    {
        answers.Increment(new LabelValues(self.AppId, target, Text(status), streaming ? "streaming" : "unary"));
        latency.Observe(new LabelValues(self.AppId, target, Text(status)), elapsed.TotalMilliseconds);
    }

    private static string Text(int status) => status switch { 200 => "200", 0 => "0", _ => status.ToString(CultureInfo.InvariantCulture) };
}
