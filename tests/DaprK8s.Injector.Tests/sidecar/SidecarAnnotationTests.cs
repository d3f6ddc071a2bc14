using System.Text.Json.Nodes;
using DaprK8s.Injector.Tests.Support;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Injector.Tests.Sidecar;

/// <summary>What single annotations do (contract: k8s 3.6 to 3.12, 3.15).</summary>
public sealed class SidecarAnnotationTests
{
    [Theory]
    [InlineData("dapr.io/app-port", "8080", "--app-port 8080")]
    [InlineData("dapr.io/app-port", "+8080", "--app-port 8080")]
    [InlineData("dapr.io/enable-api-logging", "true", "--enable-api-logging=true")]
    [InlineData("dapr.io/enable-api-logging", "", "--enable-api-logging=false")]
    [InlineData("dapr.io/enable-api-logging", "maybe", "--enable-api-logging=false")]
    [InlineData("dapr.io/app-max-concurrency", "-1", "--app-max-concurrency -1")]
    [InlineData("dapr.io/enable-app-health-check", "true", "--enable-app-health-check --app-health-check-path /healthz --app-health-probe-interval 5 --app-health-probe-timeout 500 --app-health-threshold 3")]
    [InlineData("dapr.io/app-binding-options-timeout", "1s", "--app-binding-options-timeout 1s")]
    [InlineData("dapr.io/max-body-size", "4", "--max-body-size 4")]
    [InlineData("dapr.io/scheduler-host-address", "\"a:1\"", "--scheduler-host-address a:1")]
    [InlineData("dapr.io/placement-host-address", " 'a:1,b:2' ", "--placement-host-address a:1,b:2")]
    [InlineData("dapr.io/log-level", "loud", "--log-level loud")]
    public async Task An_annotation_becomes_arguments(string name, string value, string arguments)
        => Assert.Contains(" " + arguments + " ", await new Injections().ArgumentsAsync((name, value)) + " ", StringComparison.Ordinal);

    [Theory]
    [InlineData("dapr.io/app-port", "0", "--app-port")]
    [InlineData("dapr.io/app-port", "99999999999", "--app-port")]
    [InlineData("dapr.io/app-max-concurrency", "x", "--app-max-concurrency")]
    [InlineData("dapr.io/enable-metrics", "false", "--metrics-port")]
    [InlineData("dapr.io/placement-host-address", "", "--placement-host-address")]
    [InlineData("dapr.io/config", "mine", "--app-binding-options-timeout")]
    [InlineData("dapr.io/config", "mine", "--enable-api-logging")]
    public async Task An_argument_is_left_out(string name, string value, string argument)
        => Assert.DoesNotContain(argument, await new Injections().ArgumentsAsync((name, value)), StringComparison.Ordinal);

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public async Task The_sidecar_is_told_whether_mtls_is_on(bool isOn, bool isTold)
        => Assert.Equal(isTold, (await new Injections { Cluster = new FixedCluster { IsMtlsEnabled = isOn } }.ArgumentsAsync()).Contains("--enable-mtls", StringComparison.Ordinal));

    [Theory]
    [InlineData("dapr.io/app-port", "http", "annotation dapr.io/app-port is not a whole number, 0 is used: \"http\"")]
    [InlineData("dapr.io/sidecar-cpu-limit", "1 core", "annotation dapr.io/sidecar-cpu-limit is no quantity")]
    [InlineData("dapr.io/volume-mounts", "absent:/x", "names volume 'absent', which the pod does not have")]
    [InlineData("dapr.io/enable-debug", "true", "the sidecar has no debugger")]
    public async Task What_can_not_be_used_is_told_with_the_pod(string name, string value, string warning)
    {
        var injections = new Injections();
        await injections.InjectAsync(Injections.EnabledPod((name, value)));
        var line = Assert.Single(injections.Log.Lines, l => l.Level == LogLevel.Warning).Text;
        Assert.Contains("app 'orders' in namespace shop", line, StringComparison.Ordinal);
        Assert.Contains(warning, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("100m", "64Mi", true)]
    [InlineData("0.5", "1e3", true)]
    [InlineData("1E", "5E3", true)]
    [InlineData("100 m", "64Mi", false)]
    [InlineData("100m", "64MiB", false)]
    [InlineData(".", "64Mi", false)]
    [InlineData("1.2.3", "64Mi", false)]
    [InlineData("m", "64Mi", false)]
    public async Task One_quantity_that_is_none_drops_all_resources(string cpu, string memory, bool isGood)
        => Assert.Equal(
            isGood ? $$$"""{"limits":{"memory":"{{{memory}}}"},"requests":{"cpu":"{{{cpu}}}"}}""" : null,
            (await new Injections().SidecarAsync(Injections.EnabledPod(("dapr.io/sidecar-cpu-request", cpu), ("dapr.io/sidecar-memory-limit", memory))))["resources"]?.ToJsonString());

    [Theory]
    [InlineData("", false, "http")]
    [InlineData("HTTP", true, "https")]
    [InlineData("grpc", true, "grpcs")]
    [InlineData("h2c", true, "h2c")]
    [InlineData("https", false, "https")]
    [InlineData("smtp", false, null)]
    public async Task The_app_is_told_its_effective_protocol(string protocol, bool isSsl, string? expected)
    {
        var pod = await new Injections().InjectAsync(Injections.EnabledPod(("dapr.io/app-protocol", protocol), ("dapr.io/app-ssl", isSsl ? "true" : "no")));
        var env = pod["spec"]!["containers"]![0]!["env"]!.AsArray();
        Assert.Equal(expected, (string?)env.SingleOrDefault(e => (string)e!["name"]! == "APP_PROTOCOL")?["value"]);
    }

    [Fact]
    public async Task The_operations_come_in_the_order_of_the_contract()
    {
        var pod = Injections.EnabledPod(
            ("dapr.io/unix-domain-socket-path", "/s"), ("dapr.io/pluggable-components", "store"), ("dapr.io/enable-native-sidecar", "true"));
        pod["spec"]!["containers"]!.AsArray().Add(new JsonObject { ["name"] = "store", ["image"] = "store" });
        var operations = Injections.Operations(await new Injections().AskAsync(pod));
        Assert.All(operations, o => Assert.Equal("add", (string)o!["op"]!));
        Assert.Equal(
            [
                "/metadata/labels", "/spec/volumes", "/spec/initContainers", "/spec/initContainers/-",
                "/metadata/labels/dapr.io~1sidecar-injected", "/metadata/labels/dapr.io~1app-id", "/metadata/labels/dapr.io~1metrics-enabled",
                "/spec/containers/0/env", "/spec/containers/0/volumeMounts", "/spec/containers/1/env", "/spec/containers/1/volumeMounts",
            ],
            operations.Select(o => (string)o!["path"]!));
    }

    [Fact]
    public async Task A_component_that_brings_no_container_is_told_and_passed_over()
    {
        var injections = new Injections
        {
            Cluster = new FixedCluster
            {
                Components =
                [
                    new Common.Resources.Component
                    {
                        Metadata = new Common.Resources.ObjectMeta { Name = "broken", Annotations = new() { ["dapr.io/component-container"] = "{" } },
                    },
                ],
            },
        };
        var pod = await injections.InjectAsync(Injections.EnabledPod(("dapr.io/inject-pluggable-components", "true")));
        Assert.Equal(["app", "daprd"], pod["spec"]!["containers"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Contains(injections.Log.Lines, l => l.Level == LogLevel.Warning && l.Text.Contains("of Component broken is no container", StringComparison.Ordinal));
    }
}
