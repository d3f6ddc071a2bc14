using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Clusters;

namespace DaprK8s.Cluster.Tests.Install;

/// <summary>Upgrades, rollbacks, high availability and the end of an installation.</summary>
[Collection(InstallationCollection.Name)]
public sealed class UpgradeTests(Installation installation) : IAsyncLifetime
{
    public ValueTask InitializeAsync() => new(installation.EnsureAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task The_test_of_the_release_passes()
        => (await installation.HelmAsync("test", "dapr", "-n", Installation.Namespace)).Succeeded();

    [Fact]
    public async Task An_upgrade_and_its_rollback_change_the_control_plane_and_leave_apps_alone()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        var app = await place.RunAppAsync("steady");
        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")).Status);
        var anchors = await AnchorsAsync();

        (await installation.UpgradeAsync("dapr_operator.logLevel=debug", "dapr_sidecar_injector.logLevel=debug")).Succeeded();
        Assert.Contains("debug", await ArgumentsAsync("dapr-operator"), StringComparison.Ordinal);
        (await installation.HelmAsync("rollback", "dapr", "-n", Installation.Namespace, "--wait", "--timeout", "3m")).Succeeded();
        Assert.DoesNotContain("debug", await ArgumentsAsync("dapr-operator"), StringComparison.Ordinal);

        Assert.Equal(anchors, await AnchorsAsync());
        Assert.Equal((200, "1"), await app.DaprAsync("GET", "/v1.0/state/store/k"));
        var next = await place.RunAppAsync("next");
        await place.UntilAsync(async () => (await next.DaprAsync("GET", "/v1.0/invoke/steady/method/hello")).Status == 200, "an app from after the rollback calls one from before the upgrade");
    }

    [Fact]
    public async Task With_high_availability_another_operator_leads_when_the_leader_dies()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await installation.UpgradeAsync("global.ha.enabled=true", "global.ha.replicaCount=2")).Succeeded();
        // The lease may still be that of a pod of before the upgrade.
        string leader = "", pod = "";
        await place.UntilAsync(
            async () =>
            {
                leader = await LeaderAsync();
                pod = (await installation.PodsAsync("dapr-operator")).Select(p => p.Name()).FirstOrDefault(p => leader.StartsWith(p, StringComparison.Ordinal)) ?? "";
                return pod.Length > 0;
            },
            "one of the operators leads");

        await installation.KillAsync(pod);

        await place.UntilAsync(async () => await LeaderAsync() is { Length: > 0 } next && next != leader, "another operator leads");
        await place.RunAppAsync("late");
        await place.UntilAsync(async () => (await installation.KubectlAsync("get", "service", "late-dapr", "-n", place.Name)).Code == 0, "it makes Services for apps");
    }

    [Fact]
    public async Task After_the_uninstall_nothing_is_left_but_the_definitions_and_running_apps()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        var app = await place.RunAppAsync("steady");

        installation.Disturb();
        (await installation.HelmAsync("uninstall", "dapr", "-n", Installation.Namespace, "--wait", "--timeout", "3m")).Succeeded();

        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")).Status);
        Assert.Empty((await installation.GetAsync("deployments,services,serviceaccounts", "-n", Installation.Namespace, "-l", "app.kubernetes.io/part-of=dapr")).Items("items"));
        Assert.DoesNotContain("dapr", (await installation.KubectlAsync("get", "mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles", "-l", "app.kubernetes.io/part-of=dapr", "-o", "name")).Succeeded(), StringComparison.Ordinal);
        (await installation.KubectlAsync("get", "component", "store", "-n", place.Name)).Succeeded();
        await place.RunAppAsync("plain", new Dictionary<string, string> { ["dapr.io/enabled"] = "false" });
    }

    private async Task<string> LeaderAsync()
    {
        var lease = await installation.KubectlAsync("get", "lease", "operator.dapr.io", "-n", Installation.Namespace, "-o", "jsonpath={.spec.holderIdentity}");
        return lease.Code == 0 ? lease.Output.Trim() : "";
    }

    private async Task<string> ArgumentsAsync(string deployment)
        => (await installation.KubectlAsync("get", "deployment", deployment, "-n", Installation.Namespace, "-o", "jsonpath={.spec.template.spec.containers[0].args}")).Succeeded();

    private async Task<string?> AnchorsAsync()
        => (await installation.GetAsync("configmap", "dapr-trust-bundle", "-n", Installation.Namespace)).Text("data", "ca.crt");
}
