using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Renderings that several tests look at.</summary>
internal static class Charts
{
    public static Rendered Default { get; } = Helm.Template();

    /// <summary>With placement and scheduler.</summary>
    public static Rendered Whole { get; } = Helm.Template("--set", AllServices);

    public static Rendered Available { get; } = Helm.Template("--set", AllServices + ",global.ha.enabled=true");

    public static Rendered EverySubChart { get; } = Helm.Template("--values", Path.Combine(Repository.Tests, "variants/every-sub-chart.yaml"));

    public static Rendered EveryGlobal { get; } = Helm.Template("--values", Path.Combine(Repository.Tests, "variants/every-global.yaml"));

    public const string AllServices = "global.actors.available=true,global.scheduler.available=true";

    public static readonly (string Kind, string Name)[] Workloads =
    [
        ("Deployment", "dapr-operator"), ("Deployment", "dapr-sentry"), ("Deployment", "dapr-sidecar-injector"),
        ("StatefulSet", "dapr-placement-server"), ("StatefulSet", "dapr-scheduler-server"),
    ];
}
