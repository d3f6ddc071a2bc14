using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>What the <c>dapr</c> tool sets, and what it reads of an installation (contract: k8s 6.1 to 6.4).</summary>
public sealed class CommandLineToolTests
{
    private static readonly Rendered Initialized = Helm.Template(
        "--set",
        "global.ha.enabled=true,global.mtls.enabled=true,global.tag=1.18.0-mariner,global.registry=localhost:5000/own,"
        + $"dapr_sentry.tls.issuer.certPEM=certificate,dapr_sentry.tls.issuer.keyPEM=key,dapr_sentry.tls.root.certPEM=root,{Charts.AllServices}");

    [Fact]
    public void Status_finds_each_services_pods_by_their_label_and_its_version_in_the_first_containers_image()
    {
        foreach (var (kind, name) in Charts.Workloads)
        {
            var workload = Initialized[kind, name];
            var image = workload.PodSpec["containers"]![0]!["image"]!.GetValue<string>();

            Assert.Equal(name, workload.Find("spec.template.metadata.labels")!["app"]!.GetValue<string>());
            Assert.Equal("1.18.0-mariner", image[(image.LastIndexOf(':') + 1)..]);
        }
    }

    [Fact]
    public void Upgrade_finds_the_certificates_the_switch_of_mTLS_and_the_schedulers_version()
    {
        var bundle = Initialized["Secret", "dapr-trust-bundle"].Find("data")!.AsObject();

        Assert.Equal(["ca.crt", "issuer.crt", "issuer.key"], bundle.Select(d => d.Key));
        Assert.True(Initialized["Configuration", "daprsystem"].Find("spec.mtls.enabled")!.GetValue<bool>());
        Assert.Equal("1.18.0-mariner", Initialized["StatefulSet", "dapr-scheduler-server"].Find("spec.template.metadata.labels")!["app.kubernetes.io/version"]!.GetValue<string>());
        Assert.Contains("name: dapr\n", Repository.Read("charts/dapr/Chart.yaml"));
    }

    [Theory]
    [InlineData("components", "configuration", "subscription", "resiliency", "httpendpoints", "mcpservers", "workflowaccesspolicy")]
    public void It_finds_the_definitions_by_their_files(params string[] files)
        => Assert.All(files, f => Assert.Contains("kind: CustomResourceDefinition\n", Repository.Read($"charts/dapr/crds/{f}.yaml")));

    [Fact]
    public void Renewing_the_certificate_restarts_workloads_of_these_names()
        => Assert.All(
            [("Deployment", "dapr-sentry"), ("Deployment", "dapr-sidecar-injector"), ("Deployment", "dapr-operator"), ("StatefulSet", "dapr-placement-server")],
            w => Assert.NotNull(Initialized.Find(w.Item1, w.Item2)));
}
