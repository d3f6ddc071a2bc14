using System.Text.Json.Nodes;
using DaprK8s.Operator.Tests.Services;
using DaprK8s.Operator.Tests.Support;
using State = DaprK8s.Protos.Operator.Status.V1.ResourceState.Types.State;

namespace DaprK8s.Operator.Tests.Server;

/// <summary>Rights that the operator lacks, and refusals that are something else.</summary>
public sealed class MissingRightsTests
{
    [Theory]
    [InlineData("create", "services", "in namespace 'default': apiGroups [\"\"], resources [\"services\"], verbs [\"create\"]")]
    [InlineData("list", "statefulsets.apps", "in the whole cluster: apiGroups [\"apps\"], resources [\"statefulsets\"], verbs [\"list\"]")]
    [InlineData("list", "components.dapr.io", "in the whole cluster: apiGroups [\"dapr.io\"], resources [\"components\"], verbs [\"list\"]")]
    [InlineData("patch", "components.dapr.io", "in namespace 'default': apiGroups [\"dapr.io\"], resources [\"components/status\"], verbs [\"patch\"]")]
    [InlineData("update", "leases.coordination.k8s.io", "in namespace 'dapr-system': apiGroups [\"coordination.k8s.io\"], resources [\"leases\"], verbs [\"update\"]")]
    [InlineData("delete", "pods", "in namespace 'default': apiGroups [\"\"], resources [\"pods\"], verbs [\"delete\"]")]
    [InlineData("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io", "in the whole cluster: apiGroups [\"admissionregistration.k8s.io\"], resources [\"validatingwebhookconfigurations\"], verbs [\"patch\"]")]
    public async Task One_is_named_once_with_verb_resource_group_and_namespace_and_granting_it_is_enough(string verb, string resource, string rule)
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        Prepare(cluster);
        cluster.Server.Access.Deny(verb, resource);
        var running = cluster.CreateOperator(
            resource == "leases.coordination.k8s.io" ? [] : ["--disable-leader-election", "--watch-interval", "1s", "--max-pod-restarts-per-minute", "0"]);
        await Eventually.TrueAsync(() => running.Warned.Any(l => l.Contains($"a role must allow '{verb}' on '{resource}' {rule}", StringComparison.Ordinal)), "the missing right is named");

        var attempts = cluster.Server.Faults.Count(verb, resource);
        var step = TimeSpan.FromMilliseconds(resource.StartsWith("leases", StringComparison.Ordinal) ? 20 : 500);
        await ForwardPastStatusPausesAsync(3);
        await clock.ForwardUntilAsync(
            step,
            () =>
            {
                if (resource.StartsWith("validating", StringComparison.Ordinal))
                {
                    // Tried again when somebody applies it.
                    cluster.PutValidation();
                }

                return cluster.Server.Faults.Count(verb, resource) >= attempts + (3 * Math.Max(1, attempts));
            },
            "it tries again");
        Assert.Single(running.Warned, l => l.Contains("a role must allow", StringComparison.Ordinal));

        cluster.Server.Access.Permit(verb, resource);
        await ForwardPastStatusPausesAsync(1);
        await clock.ForwardUntilAsync(step, () => IsDone(cluster, running), "what was missing is done");

        // Statuses of a kind are tried again after five minutes.
        async Task ForwardPastStatusPausesAsync(int times)
        {
            for (var i = 0; i < times && verb == "patch" && resource.StartsWith("components", StringComparison.Ordinal); i++)
            {
                await running.MetersAsync($"dapr_operator_status_writes_total{{kind=\"Component\",result=\"failed\"}} {cluster.StatusWrites()}");
                var before = cluster.StatusWrites();
                clock.Forward(TimeSpan.FromMinutes(5));
                await Eventually.TrueAsync(() => cluster.StatusWrites() > before, "it is tried again");
            }
        }
    }

    [Fact]
    public async Task In_a_namespace_that_is_being_deleted_nothing_is_made_and_no_right_is_missed()
    {
        await using var clock = new TestClock();
        await using var cluster = await OperatorCluster.StartAsync(clock);
        cluster.PutComponent("store");
        ServiceReconcilerTests.PutDeployment(cluster, "orders", []);
        cluster.Server.Objects.Change("namespaces", "", "default", n => n["metadata"]!["deletionTimestamp"] = "2026-01-01T00:00:00Z");
        var running = await cluster.StartOperatorAsync("--disable-leader-election");
        using var sidecar = await ReportingSidecar.ReportAsync(running, "orders", "pod", ("store", State.Failed, "InitFailed", "x"));

        await Eventually.TrueAsync(() => cluster.Server.Faults.Count("create", "services") > 0 && cluster.Server.Faults.Count("create", "events") > 0, "both are refused");
        clock.Forward(TimeSpan.FromMinutes(2));
        cluster.PutComponent("mark");
        await clock.ForwardUntilAsync(TimeSpan.FromSeconds(1), () => cluster.ConditionOf("mark") == "no condition 0/0", "it goes on");
        Assert.DoesNotContain(running.Warned, l => l.Contains("terminated", StringComparison.Ordinal) || l.Contains("a role must", StringComparison.Ordinal));
        Assert.Equal(1, cluster.Server.Faults.Count("create", "services"));

        // Nothing of it was taken for a lack of rights elsewhere.
        cluster.Server.Objects.Change("namespaces", "", "default", n => n["metadata"]!.AsObject().Remove("deletionTimestamp"));
        ServiceReconcilerTests.PutDeployment(cluster, "later", []);
        await ServiceReconcilerTests.FindAsync(cluster, "later-dapr");
    }

    private static void Prepare(OperatorCluster cluster)
    {
        cluster.PutComponent("store");
        cluster.PutComponent("other");
        cluster.PutValidation();
        for (var i = 0; i < 5; i++)
        {
            ServiceReconcilerTests.PutDeployment(cluster, $"app-{i}", []);
            cluster.PutPod($"lacks-{i}", new JsonObject { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = "orders" });
        }

        Watchdog.PodWatchdogTests.PutInjector(cluster, ready: 1);
        cluster.Server.Objects.Put("""
            {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"operator.dapr.io","namespace":"dapr-system"},"spec":{"holderIdentity":""}}
            """);
    }

    private static bool IsDone(OperatorCluster cluster, RunningOperator running)
        => Enumerable.Range(0, 5).All(i => ServiceReconcilerTests.Service(cluster, $"app-{i}-dapr") is not null)
            && (!running.Options.Watchdog.IsEnabled || cluster.Server.Objects.List("pods").Count == 0)
            && cluster.ConditionOf("store") == "no condition 0/0" && cluster.ConditionOf("other") == "no condition 0/0"
            && cluster.Server.Objects.Find("validatingwebhookconfigurations.admissionregistration.k8s.io", "", "dapr-operator-validation")!.Value
                .GetProperty("webhooks")[0].GetProperty("clientConfig").TryGetProperty("caBundle", out _);
}
