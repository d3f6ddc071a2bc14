using DaprK8s.Chart.Tests.Rendering;
using DaprK8s.Common.Hosting;
using DaprK8s.Injector.Server;
using DaprK8s.Operator.Server;
using DaprK8s.Sentry.Server;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>The executables take what the chart gives them, and mean the same by it (contract: k8s 4.5).</summary>
public sealed class AcceptedArgumentTests
{
    private static readonly Rendered[] Renderings = [Charts.Default, Charts.Available, Charts.EveryGlobal, Charts.EverySubChart];

    public static TheoryData<int> All => [.. Enumerable.Range(0, Renderings.Length)];

    [Theory]
    [MemberData(nameof(All))]
    public void Sentry(int rendering)
    {
        var deployment = Renderings[rendering]["Deployment", "dapr-sentry"];

        var options = new SentryFlags(Variables(deployment)).Parse([.. deployment.Arguments]);

        Assert.True(options.IsKubernetes);
        Assert.Equal(After(deployment, "--trust-domain"), options.TrustDomain);
        Assert.Equal(After(deployment, "--metrics-port"), $"{options.MetricsPort}");
        Assert.Equal(8080, options.HealthPort);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_injector(int rendering)
    {
        var deployment = Renderings[rendering]["Deployment", "dapr-sidecar-injector"];

        var options = new InjectorFlags(Variables(deployment)).Parse([.. deployment.Arguments]);

        Assert.Empty(options.Warnings);
        Assert.Equal("dapr-system", options.Namespace);
        Assert.Equal(4000, options.Port);
        Assert.Equal(After(deployment, "--healthz-port"), $"{options.HealthPort}");
        Assert.Equal(Variables(deployment)("SIDECAR_IMAGE"), options.Sidecar.Image);
        Assert.Equal(deployment.Arguments.Contains("--scheduler-enabled=true"), options.Sidecar.SchedulerAddress is not null);
        Assert.Equal(Variables(deployment)("ACTORS_ENABLED") == "true", options.Sidecar.PlacementAddress.Length > 0);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_operator(int rendering)
    {
        var deployment = Renderings[rendering]["Deployment", "dapr-operator"];

        var options = new OperatorFlags(Variables(deployment)).Parse([.. deployment.Arguments]);

        Assert.Equal("dapr-system", options.Namespace);
        Assert.Equal(6500, options.Port);
        Assert.Equal(19443, options.WebhookPort);
        Assert.Equal("/var/run/secrets/dapr.io/tls/ca.crt", options.TrustAnchorsFile);
        Assert.Equal(!deployment.Arguments.Contains("--disable-service-reconciler"), options.ReconcilesServices);
        Assert.Equal(deployment.Arguments.Contains("--watch-namespace") ? After(deployment, "--watch-namespace") : "", options.WatchNamespace);
        Assert.Equal(deployment.Arguments.Where(a => a.StartsWith("--validation-allowed-types=", StringComparison.Ordinal)).SelectMany(a => a[27..].Split(',')), options.AllowedTypes);
    }

    [Fact]
    public void An_argument_that_nobody_knows_would_be_noticed()
        => Assert.Throws<FlagException>(() => new SentryFlags(_ => null).Parse(["--mode", "kubernetes", "--never-heard-of"]));

    private static string After(RenderedObject o, string flag) => o.Arguments[o.Arguments.ToList().IndexOf(flag) + 1];

    /// <summary>The variables of a pod in dapr-system; of two with a name the last counts.</summary>
    private static Func<string, string?> Variables(RenderedObject o)
    {
        var variables = new Dictionary<string, string>();
        foreach (var variable in o.Environment)
        {
            var end = variable.IndexOfAny(['=', ':']);
            variables[variable[..end]] = variable[end] == '=' ? variable[(end + 1)..] : "dapr-system";
        }

        return variables.GetValueOrDefault;
    }
}
