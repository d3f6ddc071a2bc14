using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Objects;

/// <summary>Deployments and StatefulSets (contract: k8s 4.4, 4.9).</summary>
public sealed class WorkloadTests
{
    public static TheoryData<string, string, string, string, string> All => new()
    {
        { "Deployment", "dapr-operator", "operator", "operator", "dapr-operator" },
        { "Deployment", "dapr-sentry", "sentry", "sentry", "dapr-sentry" },
        { "Deployment", "dapr-sidecar-injector", "injector", "injector", "dapr-injector" },
        { "StatefulSet", "dapr-placement-server", "placement", "placement", "dapr-placement" },
        { "StatefulSet", "dapr-scheduler-server", "scheduler", "scheduler", "dapr-scheduler" },
    };

    [Theory]
    [MemberData(nameof(All))]
    public void Each_runs_one_container_that_can_do_little(string kind, string name, string plane, string binary, string account)
    {
        var workload = Charts.Whole[kind, name];
        var annotations = workload.Find("spec.template.metadata.annotations")!;
        var container = workload.Container;

        Assert.Single(workload.PodSpec["containers"]!.AsArray());
        Assert.Null(workload.PodSpec["initContainers"]);
        Assert.Equal(name, container["name"]!.GetValue<string>());
        Assert.Equal($"[\"/{binary}\"]", container["command"]!.ToJsonString());
        Assert.Equal($"ghcr.io/daprk8s/{binary}:edge", container["image"]!.GetValue<string>());
        Assert.Equal(account, workload.PodSpec["serviceAccountName"]!.GetValue<string>());
        Assert.Equal(plane, annotations["dapr.io/control-plane"]!.GetValue<string>());
        Assert.Equal("true", annotations["prometheus.io/scrape"]!.GetValue<string>());
        Assert.Equal("9090", annotations["prometheus.io/port"]!.GetValue<string>());
        Assert.Equal("/", annotations["prometheus.io/path"]!.GetValue<string>());
        Assert.Equal(
            """{"runAsNonRoot":true,"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}}""",
            container["securityContext"]!.ToJsonString());
        Assert.Equal(
            """{"httpGet":{"path":"/healthz","port":8080},"initialDelaySeconds":180,"periodSeconds":10,"failureThreshold":5}""",
            container["livenessProbe"]!.ToJsonString());
        Assert.Equal(
            """{"httpGet":{"path":"/healthz","port":8080},"initialDelaySeconds":1,"periodSeconds":1,"failureThreshold":3}""",
            container["readinessProbe"]!.ToJsonString());
    }

    [Theory]
    [InlineData("dapr-operator", 1, 3)]
    [InlineData("dapr-sentry", 1, 3)]
    [InlineData("dapr-sidecar-injector", 2, 3)]
    [InlineData("dapr-placement-server", 1, 3)]
    [InlineData("dapr-scheduler-server", 3, 3)]
    public void High_availability_has_three_of_each(string name, int usual, int available)
    {
        Assert.Equal(usual, Replicas(Charts.Whole, name));
        Assert.Equal(available, Replicas(Charts.Available, name));
    }

    [Theory]
    [InlineData("dapr_placement.scaleZero=true", 0)]
    [InlineData("dapr_placement.ha=true", 3)]
    public void Placement_can_be_scaled_by_itself(string value, int replicas)
        => Assert.Equal(replicas, Replicas(Helm.Template("--set", Charts.AllServices + "," + value), "dapr-placement-server"));

    [Theory]
    [InlineData("dapr-operator", "6500, metrics 9090")]
    [InlineData("dapr-sentry", "50001, metrics 9090")]
    [InlineData("dapr-sidecar-injector", "https 4000, metrics 9090")]
    [InlineData("dapr-placement-server", "api 50005, raft-node 8201, metrics 9090")]
    [InlineData("dapr-scheduler-server", "50006, etcd-client 2379, etcd-peer 2380, metrics 9090")]
    public void The_ports_are_declared(string name, string ports)
        => Assert.Equal(ports, string.Join(", ", Workload(Charts.Whole, name).Container["ports"]!.AsArray().Select(p => $"{p!["name"]} {p["containerPort"]}".Trim())));

    [Theory]
    [InlineData("dapr-operator", "dapr-trust-bundle /var/run/secrets/dapr.io/tls, dapr-identity-token /var/run/secrets/dapr.io/sentrytoken, dapr-operator-tmp /tmp")]
    [InlineData("dapr-sentry", "credentials /var/run/secrets/dapr.io/credentials")]
    [InlineData("dapr-sidecar-injector", "dapr-trust-bundle /var/run/secrets/dapr.io/tls, dapr-identity-token /var/run/secrets/dapr.io/sentrytoken")]
    [InlineData("dapr-placement-server", "dapr-trust-bundle /var/run/secrets/dapr.io/tls, dapr-identity-token /var/run/secrets/dapr.io/sentrytoken, raft-log /var/run/dapr/raft-log")]
    [InlineData("dapr-scheduler-server", "dapr-scheduler-data-dir /var/run/data/dapr-scheduler/, dapr-scheduler-writeable-identity /tmp, dapr-trust-bundle /var/run/secrets/dapr.io/tls, dapr-identity-token /var/run/secrets/dapr.io/sentrytoken")]
    public void Volumes_are_mounted_where_the_processes_look(string name, string mounts)
    {
        var workload = Workload(Charts.Available, name);
        var volumes = workload.PodSpec["volumes"]!.AsArray().Select(v => v!["name"]!.GetValue<string>())
            .Concat((workload.Find("spec.volumeClaimTemplates")?.AsArray() ?? []).Select(c => c!["metadata"]!["name"]!.GetValue<string>()));

        Assert.Equal(mounts, string.Join(", ", workload.Container["volumeMounts"]!.AsArray().Select(m => $"{m!["name"]} {m["mountPath"]}")));
        Assert.Equal(volumes.Order(), workload.Container["volumeMounts"]!.AsArray().Select(m => m!["name"]!.GetValue<string>()).Order());
    }

    [Fact]
    public void The_token_is_for_sentry_alone_and_short_lived()
    {
        var volume = Charts.EveryGlobal["Deployment", "dapr-operator"].PodSpec["volumes"]!.AsArray().Single(v => v!["name"]!.GetValue<string>() == "dapr-identity-token");

        Assert.Equal(
            """{"sources":[{"serviceAccountToken":{"path":"token","expirationSeconds":600,"audience":"spiffe://example.org/ns/dapr-system/dapr-sentry"}}]}""",
            volume!["projected"]!.ToJsonString());
    }

    [Theory]
    [InlineData("dapr-operator", "NAMESPACE:metadata.namespace, POD_NAME:metadata.name, POD_IP:status.podIP")]
    [InlineData("dapr-sentry", "NAMESPACE:metadata.namespace")]
    [InlineData("dapr-placement-server", "PLACEMENT_ID:metadata.name, NAMESPACE:metadata.namespace")]
    [InlineData("dapr-scheduler-server", "SCHEDULER_ID:metadata.name, NAMESPACE:metadata.namespace, POD_IP:status.podIP")]
    public void Variables_tell_a_process_who_it_is(string name, string variables)
        => Assert.Equal(variables, string.Join(", ", Workload(Charts.Whole, name).Environment));

    [Fact]
    public void Variables_of_the_user_come_last_and_may_hold_anything()
        => Assert.Equal(
            ["NAMESPACE:metadata.namespace", "POD_NAME:metadata.name", "POD_IP:status.podIP", "FLAG=true", "LIST=a=1,b=2", "NUMBER=12345678", "PLAIN=text"],
            Charts.EverySubChart["Deployment", "dapr-operator"].Environment);

    [Fact]
    public void The_injector_knows_what_to_inject()
    {
        var expected = new[]
        {
            "DAPR_TRUST_ANCHORS_FILE=/var/run/secrets/dapr.io/tls/ca.crt",
            "DAPR_CONTROL_PLANE_TRUST_DOMAIN=cluster.local",
            "DAPR_SENTRY_ADDRESS=dapr-sentry.dapr-system.svc.cluster.local:443",
            "DAPR_SENTRY_ADDRESS=other.example",
            "KUBE_CLUSTER_DOMAIN=example.internal",
            "SIDECAR_IMAGE=example/daprd:1",
            "SIDECAR_IMAGE_PULL_POLICY=Always",
            "SIDECAR_RUN_AS_NON_ROOT=true",
            "SIDECAR_RUN_AS_USER=1000",
            "SIDECAR_RUN_AS_GROUP=1001",
            "ENABLE_K8S_DOWNWARD_APIS=true",
            "SIDECAR_DROP_ALL_CAPABILITIES=true",
            "SIDECAR_READ_ONLY_ROOT_FILESYSTEM=false",
            "NATIVE_SIDECAR_ENABLED=true",
            "NAMESPACE:metadata.namespace",
            "IGNORE_ENTRYPOINT_TOLERATIONS=[{\"effect\":\"NoSchedule\",\"key\":\"aws\"}]",
            "ACTORS_ENABLED=true",
            "ACTORS_SERVICE_NAME=placement",
            "ACTORS_SERVICE_ADDRESS=dapr-placement-server:50005",
            "ALLOWED_SERVICE_ACCOUNTS=apps:deployer",
            "ALLOWED_SERVICE_ACCOUNTS_PREFIX_NAMES=vc-*:*",
        };

        Assert.Equal(expected, Charts.EverySubChart["Deployment", "dapr-sidecar-injector"].Environment);
    }

    [Theory]
    [InlineData("", "false", "false")]
    [InlineData(Charts.AllServices, "true", "true")]
    [InlineData(Charts.AllServices + ",global.actors.enabled=false,global.scheduler.enabled=false", "false", "false")]
    [InlineData("global.actors.serviceName=scheduler", "true", "false")]
    public void Sidecars_are_sent_only_to_services_that_are_there(string values, string actors, string scheduler)
    {
        var injector = Helm.Template("--set", values)["Deployment", "dapr-sidecar-injector"];

        Assert.Contains($"ACTORS_ENABLED={actors}", injector.Environment);
        Assert.Contains($"--scheduler-enabled={scheduler}", injector.Arguments);
    }

    [Fact]
    public void Nothing_of_placement_and_scheduler_is_rendered_while_they_are_not_available()
        => Assert.DoesNotContain(Charts.Default.Objects, o => o.Name.Contains("placement") || o.Name.Contains("scheduler"));

    [Theory]
    [MemberData(nameof(All))]
    public void Containers_and_volumes_of_the_user_come_where_they_are_asked_for(string kind, string name, string plane, string binary, string account)
    {
        var key = plane;
        var rendered = Helm.Template("--set", $"{Charts.AllServices},global.extraContainers.{key}[0].name=beside,global.initContainers.{key}[0].name=before,global.extraVolumes.{key}[0].name=extra,global.extraVolumeMounts.{key}[0].name=extra");

        foreach (var (otherKind, otherName) in Charts.Workloads)
        {
            var pod = rendered[otherKind, otherName].PodSpec;
            var own = otherName == name;
            Assert.Equal(own ? ["beside", otherName] : [otherName], pod["containers"]!.AsArray().Select(c => c!["name"]!.GetValue<string>()));
            Assert.Equal(own, pod["initContainers"] is not null);
            Assert.Equal(own, pod["volumes"]!.AsArray().Any(v => v!["name"]!.GetValue<string>() == "extra"));
        }

        Assert.Equal($"/{binary}", rendered[kind, name].Container["command"]![0]!.GetValue<string>());
        Assert.Equal(account, rendered[kind, name].PodSpec["serviceAccountName"]!.GetValue<string>());
    }

    [Fact]
    public void Pods_run_where_the_values_say()
    {
        foreach (var (kind, name) in Charts.Workloads)
        {
            var pod = Charts.EveryGlobal[kind, name].PodSpec;
            Assert.Equal(
                """[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["linux"]},{"key":"kubernetes.io/arch","operator":"In","values":["arm64"]}]}]""",
                pod["affinity"]!["nodeAffinity"]!["requiredDuringSchedulingIgnoredDuringExecution"]!["nodeSelectorTerms"]!.ToJsonString());
            Assert.Equal("""[{"name":"first"},{"name":"second"}]""", pod["imagePullSecrets"]!.ToJsonString());
            Assert.Equal("""{"pool":"system"}""", pod["nodeSelector"]!.ToJsonString());
            Assert.Equal("""[{"effect":"NoSchedule","key":"system","operator":"Exists"}]""", pod["tolerations"]!.ToJsonString());
            Assert.Equal("system-cluster-critical", pod["priorityClassName"]!.GetValue<string>());
            Assert.Equal("RuntimeDefault", Charts.EveryGlobal[kind, name].Container["securityContext"]!["seccompProfile"]!["type"]!.GetValue<string>());
        }

        Assert.Equal("""[{"name":"only"}]""", Helm.Template("--set", "global.imagePullSecrets=only")["Deployment", "dapr-sentry"].PodSpec["imagePullSecrets"]!.ToJsonString());
    }

    [Theory]
    [InlineData("dapr-operator", false, true, false)]
    [InlineData("dapr-sentry", false, true, false)]
    [InlineData("dapr-sidecar-injector", false, true, false)]
    [InlineData("dapr-placement-server", false, true, true)]
    [InlineData("dapr-scheduler-server", true, true, true)]
    public void Replicas_are_spread_over_zones(string name, bool usually, bool available, bool canBeRequired)
    {
        const string Preferred = "preferredDuringSchedulingIgnoredDuringExecution", Required = "requiredDuringSchedulingIgnoredDuringExecution";
        var required = Helm.Template("--set", $"{Charts.AllServices},global.ha.enabled=true,global.ha.podAntiAffinityPolicy={Required},global.ha.topologyKey=host");

        Assert.Equal(usually, Workload(Charts.Whole, name).PodSpec["affinity"]!["podAntiAffinity"]?[Preferred] is not null);
        Assert.Equal(available, Workload(Charts.Available, name).PodSpec["affinity"]!["podAntiAffinity"]?[Preferred] is not null);
        var rules = Workload(required, name).PodSpec["affinity"]!["podAntiAffinity"]!;
        Assert.Equal(canBeRequired, rules[Required] is not null);
        Assert.Equal("host", (rules[Required]?[0] ?? rules[Preferred]![0]!["podAffinityTerm"])!["topologyKey"]!.GetValue<string>());
    }

    [Fact]
    public void A_process_under_a_debugger_may_write_and_is_left_alone()
    {
        var container = Helm.Template("--set", "dapr_operator.debug.enabled=true")["Deployment", "dapr-operator"].Container;

        Assert.Equal("""{"runAsNonRoot":true,"allowPrivilegeEscalation":false,"capabilities":{"add":["SYS_PTRACE"]}}""", container["securityContext"]!.ToJsonString());
        Assert.Equal(30000, container["livenessProbe"]!["initialDelaySeconds"]!.GetValue<int>());
        Assert.Equal(30000, container["readinessProbe"]!["initialDelaySeconds"]!.GetValue<int>());
    }

    [Fact]
    public void There_is_no_security_context_on_Windows_and_an_injector_that_may_be_root_has_a_user()
    {
        Assert.Null(Helm.Template("--set", "global.daprControlPlaneOs=windows")["Deployment", "dapr-operator"].Container["securityContext"]);
        Assert.Equal(1000, Charts.EverySubChart["Deployment", "dapr-sidecar-injector"].Container["securityContext"]!["runAsUser"]!.GetValue<int>());
    }

    [Theory]
    [InlineData("", "", false, "16Gi")]
    [InlineData(",dapr_scheduler.cluster.inMemoryStorage=true", "{\"medium\":\"Memory\"}", false, null)]
    [InlineData(",dapr_scheduler.securityContext.fsGroup=65532,dapr_scheduler.cluster.storageSize=32Gi", "", true, "32Gi")]
    public void The_scheduler_keeps_its_data_on_disks_or_in_memory(string values, string memory, bool group, string? size)
    {
        var scheduler = Helm.Template("--set", Charts.AllServices + values)["StatefulSet", "dapr-scheduler-server"];
        var volume = scheduler.PodSpec["volumes"]!.AsArray().SingleOrDefault(v => v!["name"]!.GetValue<string>() == "dapr-scheduler-data-dir");

        Assert.Equal(memory, volume?["emptyDir"]!.ToJsonString() ?? "");
        Assert.Equal(group, scheduler.PodSpec["securityContext"] is not null);
        Assert.Equal(size, scheduler.Find("spec.volumeClaimTemplates.0.spec.resources.requests.storage")?.GetValue<string>());
        Assert.Equal("Parallel", scheduler.Text("spec.podManagementPolicy"));
        Assert.Equal("dapr-scheduler-server", scheduler.Text("spec.serviceName"));
    }

    private static int Replicas(Rendered rendered, string name) => Workload(rendered, name).Find("spec.replicas")!.GetValue<int>();

    private static RenderedObject Workload(Rendered rendered, string name) => rendered[name.EndsWith("-server", StringComparison.Ordinal) ? "StatefulSet" : "Deployment", name];
}
