using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Values;

/// <summary>Values that make no sense, and values written for Dapr's chart (contract: k8s 4.10).</summary>
public sealed class RefusalTests
{
    // Helm names everything that the schema refuses, so that one run shows them all.
    private static readonly Lazy<string> RefusalOfTypingErrors = new(() => Helm.Refusal("--set", string.Join(',', TypingErrors.Select(e => e.Data.Item1))));

    public static TheoryData<string, string, string> TypingErrors => new()
    {
        { "dapr_operator.replicaCuont=3", "/dapr_operator", "replicaCuont" },
        { "dapr_operater.replicaCount=3", "", "dapr_operater" },
        { "global.ha.enabld=true", "/global/ha", "enabld" },
        { "dapr_sidecar_injector.livenessProbe.initialDelay=3", "/dapr_sidecar_injector/livenessProbe", "initialDelay" },
        { "dapr_sentry.oidc.tls.cert=x", "/dapr_sentry/oidc/tls", "cert" },
        { "dapr_scheduler.cluster.size=x", "/dapr_scheduler/cluster", "size" },
        { "dapr_placement.image.tag=x", "/dapr_placement/image", "tag" },
        { "dapr_rbac.secretReader.namespaces=x", "/dapr_rbac/secretReader", "namespaces" },
        { "dapr_config.name=x", "/dapr_config", "name" },
        { "dapr_operator.replicaCount=many", "/dapr_operator/replicaCount", "many" },
        { "global.ha.enabled=yes", "/global/ha/enabled", "true" },
        { "global.prometheus.port=90900", "/global/prometheus/port", "maximum" },
        { "global.mtls.workloadCertTTL=1d", "/global/mtls/workloadCertTTL", "1d" },
        { "dapr_sidecar_injector.webhookFailurePolicy=Failing", "/dapr_sidecar_injector/webhookFailurePolicy", "Ignore" },
        { "dapr_operator.validation.failurePolicy=Never", "/dapr_operator/validation/failurePolicy", "Fail" },
        { "dapr_sentry.logLevel=verbose", "/dapr_sentry/logLevel", "warn" },
        { "global.imagePullPolicy=Sometimes", "/global/imagePullPolicy", "IfNotPresent" },
        { "global.issuerFilenames.ca=x", "/global/issuerFilenames", "key" },
        { "dapr_operator.logLevel=null", "/dapr_operator", "logLevel" },
        { "global.extraVolumes.operater[0].name=x", "/global/extraVolumes", "operater" },
    };

    [Theory]
    [InlineData("global.ha.enabled=true,global.actors.available=true,global.ha.podAntiAffinityPolicy=often", "global.ha.podAntiAffinityPolicy must be either 'preferredDuringSchedulingIgnoredDuringExecution' or 'requiredDuringSchedulingIgnoredDuringExecution'")]
    [InlineData("global.scheduler.available=true,global.ha.podAntiAffinityPolicy=often", "global.ha.podAntiAffinityPolicy must be either 'preferredDuringSchedulingIgnoredDuringExecution' or 'requiredDuringSchedulingIgnoredDuringExecution'")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsNonRoot=false,dapr_sidecar_injector.sidecarRunAsUser=1000", "sidecarRunAsUser must be 0 or value ommited when sidecarRunAsNonRoot is false")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsUser=0", "sidecarRunAsUser must positive when sidecarRunAsNonRoot is true (or default)")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsUser=-1", "sidecarRunAsUser must positive when sidecarRunAsNonRoot is true (or default)")]
    [InlineData("global.actors.serviceName=nowhere", "address.nowhere")]
    [InlineData("global.reminders.serviceName=nowhere", "address.nowhere")]
    public void Values_that_contradict_each_other_are_refused(string values, string message) => Assert.Contains(message, Helm.Refusal("--set", values));

    [Theory]
    [MemberData(nameof(TypingErrors))]
    public void A_typing_error_is_refused_with_the_place_of_it(string value, string place, string word)
        => Assert.True(
            RefusalOfTypingErrors.Value.Split('\n').Any(l => l.Contains($"- at '{place}': ", StringComparison.Ordinal) && l.Contains(word, StringComparison.Ordinal)),
            $"{value} is not refused at {place} with {word}: {RefusalOfTypingErrors.Value}");

    [Fact]
    public void An_unknown_key_right_under_global_is_refused_with_those_that_there_are()
    {
        var refusal = Helm.Refusal("--set", "global.haa.enabled=true");

        Assert.Contains("global.haa is not a value of this chart", refusal);
        Assert.Contains("ha, ", refusal);
    }

    [Fact]
    public void Another_chart_that_this_one_is_part_of_may_have_globals_of_its_own()
    {
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "Chart.yaml"), $"apiVersion: v2\nname: outer\nversion: 1.0.0\ndependencies:\n- name: dapr\n  version: 0.0.0\n  repository: file://{Repository.Chart}\n");
            File.WriteAllText(Path.Combine(folder, "values.yaml"), "global:\n  storageClass: fast\n  ha:\n    enabled: true\n");
            Directory.CreateDirectory(Path.Combine(folder, "charts"));
            Directory.CreateSymbolicLink(Path.Combine(folder, "charts/dapr"), Repository.Chart);

            var (code, output, error) = Helm.Run("template", "outer", folder);

            Assert.True(code == 0, error);
            Assert.Contains("replicas: 3", output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>As people write values: numbers and switches as text, nothing after a colon, keys of older charts.</summary>
    [Fact]
    public void Values_written_for_Daprs_chart_are_taken_as_they_are()
    {
        var rendered = Helm.Template("--values", Path.Combine(Repository.Tests, "values/written-for-dapr.yaml"));

        Assert.Equal("3", rendered["Deployment", "dapr-operator"].Text("spec.replicas"));
        Assert.Equal("9191", rendered["Deployment", "dapr-sentry"].Container["ports"]![1]!["containerPort"]!.ToString());
        Assert.Contains("ghcr.io/daprk8s/operator:1.16", rendered["Deployment", "dapr-operator"].Container["image"]!.GetValue<string>());
        Assert.Contains("SIDECAR_RUN_AS_USER=1000", rendered["Deployment", "dapr-sidecar-injector"].Environment);
    }
}
