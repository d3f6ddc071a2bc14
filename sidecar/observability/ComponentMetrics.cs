using DaprK8s.Common.Metrics;
using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Observability;

/// <summary>The <c>dapr_component_*</c> metrics (contract: operations 5.5).</summary>
internal sealed class ComponentMetrics(MetricsRegistry registry, SidecarInfo self)
{
    private static readonly string[] OperationLabels = ["app_id", "component", "namespace", "operation", "success"];
    private static readonly string[] InputLabels = ["app_id", "component", "namespace", "success"];
    private static readonly string[] EgressLabels = ["app_id", "component", "namespace", "success", "topic"];
    private static readonly string[] IngressLabels = ["app_id", "component", "namespace", "process_status", "status", "topic"];

    private readonly CallMetrics state = new(registry, "state");
    private readonly CallMetrics secret = new(registry, "secret");
    private readonly CallMetrics configuration = new(registry, "configuration");
    private readonly CounterFamily inputCount = registry.Counter("dapr_component_input_binding_count", "Events of input bindings.", InputLabels);
    private readonly HistogramFamily inputLatency = registry.LatencyHistogram("dapr_component_input_binding_latencies", "Latency of input bindings' events.", InputLabels);
    private readonly CounterFamily egressCount = registry.Counter("dapr_component_pubsub_egress_count", "Messages published.", EgressLabels);
    private readonly HistogramFamily egressLatency = registry.LatencyHistogram("dapr_component_pubsub_egress_latencies", "Latency of publishing.", EgressLabels);
    private readonly CounterFamily ingressCount = registry.Counter("dapr_component_pubsub_ingress_count", "Messages delivered to the app.", IngressLabels);
    private readonly HistogramFamily ingressLatency = registry.LatencyHistogram("dapr_component_pubsub_ingress_latencies", "Latency of delivery.", IngressLabels);

    /// <summary>Records a call of a state, secret or configuration store. Publishing has a metric of its own shape.</summary>
    public void RecordCall(ComponentHandle component, string operation, bool success, TimeSpan elapsed)
    {
        var metrics = component.Kind switch
        {
            ComponentKind.State => state,
            ComponentKind.SecretStore => secret,
            ComponentKind.Configuration => configuration,
            _ => null,
        };
        if (metrics is not null)
        {
            var labels = new LabelValues(self.AppId, component.Name, self.Namespace, operation, success ? "true" : "false");
            metrics.Count.Increment(labels);
            metrics.Latency.Observe(labels, elapsed.TotalMilliseconds);
        }
    }

    /// <summary>Records an event of an input binding.</summary>
    public void RecordInputBinding(string component, bool success, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, component, self.Namespace, success ? "true" : "false");
        inputCount.Increment(labels);
        inputLatency.Observe(labels, elapsed.TotalMilliseconds);
    }

    /// <summary>Records a publish.</summary>
    public void RecordPublish(string pubsub, string topic, bool success, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, pubsub, self.Namespace, success ? "true" : "false", topic);
        egressCount.Increment(labels);
        egressLatency.Observe(labels, elapsed.TotalMilliseconds);
    }

    /// <summary>Records a delivery.</summary>
    /// <param name="pubsub">The component.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="processStatus"><c>success</c>, <c>retry</c> or <c>drop</c>.</param>
    /// <param name="status">The same, but for a message that no route matched: <c>success</c>.</param>
    /// <param name="elapsed">From reading the message to the app's answer.</param>
    public void RecordDelivery(string pubsub, string topic, string processStatus, string status, TimeSpan elapsed)
    {
        var labels = new LabelValues(self.AppId, pubsub, self.Namespace, processStatus, status, topic);
        ingressCount.Increment(labels);
        ingressLatency.Observe(labels, elapsed.TotalMilliseconds);
    }

    private sealed class CallMetrics(MetricsRegistry registry, string what)
    {
        public CounterFamily Count { get; } = registry.Counter($"dapr_component_{what}_count", $"Calls of {what} components.", OperationLabels);

        public HistogramFamily Latency { get; } = registry.LatencyHistogram($"dapr_component_{what}_latencies", $"Latency of {what} components.", OperationLabels);
    }
}
