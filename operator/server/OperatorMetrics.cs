using DaprK8s.Common.Metrics;

namespace DaprK8s.Operator.Server;

/// <summary>The operator's metrics (contract: k8s 2.3), and what tells of its load.</summary>
internal sealed class OperatorMetrics
{
    private readonly CounterFamily created;
    private readonly CounterFamily updated;
    private readonly CounterFamily statusWrites;
    private readonly GaugeFamily streams;
    private readonly GaugeFamily reports;
    private readonly GaugeFamily leads;

    public OperatorMetrics(MetricsRegistry registry)
    {
        created = registry.Counter("dapr_operator_service_created_total", "Services created for apps.", "app_id");
        updated = registry.Counter("dapr_operator_service_updated_total", "Services of apps that were updated.", "app_id");
        registry.Counter("dapr_operator_service_deleted_total", "Services of apps that were deleted; the cluster deletes them with their owner.", "app_id");
        statusWrites = registry.Counter("dapr_operator_status_writes_total", "Statuses of resources that were written.", "kind", "result");
        streams = registry.Gauge("dapr_operator_update_streams", "Open update streams of sidecars.");
        reports = registry.Gauge("dapr_operator_status_reports", "Sidecars that report what they have loaded, to this replica or through it.");
        leads = registry.Gauge("dapr_operator_is_leader", "1 while this replica leads.");
        registry.BeforeCollect(() =>
        {
            streams.Set(default, Streams());
            reports.Set(default, Reports());
            leads.Set(default, IsLeader() ? 1 : 0);
        });
    }

    public Func<int> Streams { get; set; } = static () => 0;

    public Func<int> Reports { get; set; } = static () => 0;

    public Func<bool> IsLeader { get; set; } = static () => false;

    public void ServiceCreated(string appId) => created.Increment(new LabelValues(appId));

    public void ServiceUpdated(string appId) => updated.Increment(new LabelValues(appId));

    public void StatusWritten(string kind, bool isWritten) => statusWrites.Increment(new LabelValues(kind, isWritten ? "written" : "failed"));
}
