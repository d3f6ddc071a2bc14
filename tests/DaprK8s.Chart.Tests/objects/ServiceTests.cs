using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Services (contract: k8s 4.6).</summary>
public sealed class ServiceTests
{
    [Theory]
    [InlineData("dapr-api", "ClusterIP", "dapr-operator", "grpc 443→6500 tls, legacy 80→6500 tls, metrics 9090→9090 http")]
    [InlineData("dapr-webhook", "ClusterIP", "dapr-operator", "443→19443 https")]
    [InlineData("dapr-sentry", "ClusterIP", "dapr-sentry", "grpc 443→50001 tls, metrics 9090→9090 http")]
    [InlineData("dapr-sidecar-injector", "ClusterIP", "dapr-sidecar-injector", "https 443→https https, metrics 9090→9090 http")]
    [InlineData("dapr-placement-server", "headless unready", "dapr-placement-server", "api 50005 tls, raft-node 8201 tls, metrics 9090→9090 http")]
    [InlineData("dapr-scheduler-server", "headless unready", "dapr-scheduler-server", "api 50006 tls, etcd-client 2379 tcp, etcd-peer 2380 tls, metrics 9090→9090 http")]
    [InlineData("dapr-scheduler-server-a", "ClusterIP unready", "dapr-scheduler-server", "api 443→50006 tls, etcd-client 2379 tcp, etcd-peer 2380 tls, metrics 9090→9090 http")]
    public void A_Service_has_the_ports_that_sidecars_and_meshes_expect(string name, string type, string app, string ports)
    {
        var service = Charts.Whole["Service", name];
        var kind = service.Text("spec.clusterIP") == "None" ? "headless" : service.Text("spec.type");

        Assert.Equal(type, kind + (service.Text("spec.publishNotReadyAddresses") == "true" ? " unready" : ""));
        Assert.Equal($"{{\"app\":\"{app}\"}}", service.Text("spec.selector"));
        Assert.Equal(ports, string.Join(", ", service.Find("spec.ports")!.AsArray().Select(p =>
            $"{p!["name"]} {p["port"]}{(p["targetPort"] is { } target ? "→" + target : "")} {p["appProtocol"]}".Trim())));
    }

    [Fact]
    public void There_are_seven() => Assert.Equal(7, Charts.Whole.Of("Service").Count());

    [Theory]
    [InlineData("dapr_operator.ports.port=80", "dapr-api", "grpc 80, metrics 9090")]
    [InlineData("global.prometheus.enabled=false", "dapr-api", "grpc 443, legacy 80")]
    [InlineData("global.prometheus.port=9191", "dapr-sentry", "grpc 443, metrics 9191")]
    [InlineData("dapr_sentry.oidc.enabled=true", "dapr-sentry", "grpc 443, metrics 9090, oidc 9080")]
    [InlineData("dapr_sentry.oidc.enabled=true,dapr_sentry.oidc.server.port=9443", "dapr-sentry", "grpc 443, metrics 9090, oidc 9443")]
    public void Ports_come_and_go_with_what_they_are_for(string values, string name, string ports)
        => Assert.Equal(ports, string.Join(", ", Helm.Template("--set", values)["Service", name].Find("spec.ports")!.AsArray().Select(p => $"{p!["name"]} {p["port"]}")));

    [Theory]
    [InlineData("true", "https")]
    [InlineData("false", "http")]
    public void The_OIDC_port_says_whether_it_is_TLS(string tls, string protocol)
        => Assert.Equal(protocol, Helm.Template("--set", $"dapr_sentry.oidc.enabled=true,dapr_sentry.oidc.tls.enabled={tls}")["Service", "dapr-sentry"].Text("spec.ports.2.appProtocol"));

    [Fact]
    public void Numbers_and_switches_among_annotations_labels_and_selectors_of_nodes_are_texts()
    {
        var rendered = Helm.Template(
            "--set",
            "dapr_sentry.service.annotations.a=456,dapr_operator.webhookService.annotations.a=true,dapr_operator.deploymentAnnotations.a=7,global.labels.a=1234567,global.nodeSelector.a=true");

        Assert.Equal("\"456\"", rendered["Service", "dapr-sentry"].Find("metadata.annotations.a")?.ToJsonString());
        Assert.Equal("\"true\"", rendered["Service", "dapr-webhook"].Find("metadata.annotations.a")?.ToJsonString());
        Assert.Equal("\"7\"", rendered["Deployment", "dapr-operator"].Find("spec.template.metadata.annotations.a")?.ToJsonString());
        Assert.Equal("\"1234567\"", rendered["Deployment", "dapr-operator"].Find("spec.template.metadata.labels.a")?.ToJsonString());
        Assert.Equal("\"true\"", rendered["Deployment", "dapr-operator"].Find("spec.template.spec.nodeSelector.a")?.ToJsonString());
    }

    [Fact]
    public void Annotations_are_those_for_Prometheus_and_the_users_own()
    {
        const string Scraped = "\"prometheus.io/scrape\":\"true\",\"prometheus.io/port\":\"9090\",\"prometheus.io/path\":\"/\"";
        var without = Helm.Template("--set", "global.prometheus.enabled=false,dapr_sentry.service.annotations.a=b");

        Assert.Equal($"{{{Scraped}}}", Charts.Default["Service", "dapr-api"].Text("metadata.annotations"));
        Assert.Equal($"{{{Scraped},\"example.com/service\":\"api\"}}", Charts.EverySubChart["Service", "dapr-api"].Text("metadata.annotations"));
        Assert.Equal("{\"example.com/service\":\"webhook\"}", Charts.EverySubChart["Service", "dapr-webhook"].Text("metadata.annotations"));
        Assert.Null(Charts.Default["Service", "dapr-webhook"].Find("metadata.annotations"));
        Assert.Null(without["Service", "dapr-api"].Find("metadata.annotations"));
        Assert.Equal("{\"a\":\"b\"}", without["Service", "dapr-sentry"].Text("metadata.annotations"));
    }
}
