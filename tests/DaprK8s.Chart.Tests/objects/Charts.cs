using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Renderings that several tests look at.</summary>
internal static class Charts
{
    public static Rendered Default => Helm.Template();

    /// <summary>With placement and scheduler.</summary>
    public static Rendered Whole => Helm.Template("--set", AllServices);

    public static Rendered Available => Helm.Template("--set", AllServices + ",global.ha.enabled=true");

    public static Rendered EverySubChart => Helm.Template("--values", Path.Combine(Repository.Tests, "variants/every-sub-chart.yaml"));

    public static Rendered EveryGlobal => Helm.Template("--values", Path.Combine(Repository.Tests, "variants/every-global.yaml"));

    public const string AllServices = "global.actors.available=true,global.scheduler.available=true";

    public static readonly (string Kind, string Name)[] Workloads =
    [
        ("Deployment", "dapr-operator"), ("Deployment", "dapr-sentry"), ("Deployment", "dapr-sidecar-injector"),
        ("StatefulSet", "dapr-placement-server"), ("StatefulSet", "dapr-scheduler-server"),
    ];
}
