using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Clusters;

namespace DaprK8s.Cluster.Tests.Install;

/// <summary>Parts of the control plane die, and apps go on.</summary>
[Collection(InstallationCollection.Name)]
public sealed class BadDayTests(Installation installation) : IAsyncLifetime
{
    private const string Injector = "dapr-sidecar-injector";

    public ValueTask InitializeAsync() => new(installation.EnsureAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Sidecars_go_on_while_the_operator_is_away_and_hear_of_changes_when_it_is_back()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        var app = await place.RunAppAsync("steady");
        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")).Status);

        foreach (var pod in await installation.PodsAsync("dapr-operator"))
        {
            await installation.KillAsync(pod.Name());
        }

        Assert.Equal((200, "1"), await app.DaprAsync("GET", "/v1.0/state/store/k"));
        await installation.UntilRolledOutAsync("deployment/dapr-operator");
        (await place.ApplyComponentAsync("second", "state.in-memory")).Succeeded();
        await place.UntilAsync(async () => (await app.DaprAsync("GET", "/v1.0/state/second/x")).Status == 204, "the sidecar has heard of the new component");
        Assert.Equal((200, "1"), await app.DaprAsync("GET", "/v1.0/state/store/k"));
    }

    [Fact]
    public async Task Without_an_injector_only_pods_that_ask_for_Dapr_wait()
    {
        await using var place = await installation.NewNamespaceAsync();
        var replicas = (await installation.GetAsync("deployment", Injector, "-n", Installation.Namespace)).Text("spec", "replicas")!;
        await ScaleInjectorAsync("0");
        try
        {
            await place.UntilAsync(async () => (await installation.PodsAsync(Injector)).Count == 0, "no injector runs");

            await place.RunAppAsync("plain", new Dictionary<string, string> { ["dapr.io/enabled"] = "false" });
            (await place.ApplyAppAsync("waiting")).Succeeded();
            await place.UntilAsync(
                async () => (await installation.GetAsync("replicasets", "-n", place.Name, "-l", "app=waiting")).Items("items").Any(s => s.Is("ReplicaFailure")),
                "no pod of the annotated Deployment can be created");
            Assert.Empty(await installation.PodsAsync("waiting", place.Name));
        }
        finally
        {
            await ScaleInjectorAsync(replicas);
        }

        await installation.UntilRolledOutAsync("deployment/" + Injector);
        var app = await place.RunningAsync("waiting");
        Assert.Contains(app.Pod.Items("spec", "containers"), c => c.Text("name") == "daprd");
    }

    [Fact]
    public async Task A_new_root_of_trust_is_published_and_everybody_goes_on()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyAppAsync("callee")).Succeeded();
        var caller = await place.RunAppAsync("caller");
        await place.RunningAsync("callee");
        var before = await AnchorsAsync();

        var sentry = (await installation.PodsAsync("dapr-sentry")).First(p => p.Is("Ready"));
        (await installation.Cluster.ExecuteAsync(
            Installation.Namespace, sentry.Name(), "dapr-sentry", "/sentry", "rotate", "--mode", "kubernetes", "--trust-domain", "cluster.local")).Succeeded();

        await place.UntilAsync(async () => await AnchorsAsync() > before, "two roots are published");
        Assert.Equal(200, (await caller.DaprAsync("GET", "/v1.0/invoke/callee/method/hello")).Status);
        var late = await place.RunAppAsync("late");
        await place.UntilAsync(async () => (await late.DaprAsync("GET", "/v1.0/invoke/callee/method/hello")).Status == 200, "an app that came later calls one from before");
        await place.UntilAsync(async () => (await caller.DaprAsync("GET", "/v1.0/invoke/late/method/hello")).Status == 200, "an app from before calls one that came later");
    }

    private async Task ScaleInjectorAsync(string replicas)
        => (await installation.KubectlAsync("scale", "deployment", Injector, "-n", Installation.Namespace, "--replicas=" + replicas)).Succeeded();

    private async Task<int> AnchorsAsync()
        => (await installation.GetAsync("configmap", "dapr-trust-bundle", "-n", Installation.Namespace)).Text("data", "ca.crt")!.Split("BEGIN CERTIFICATE").Length - 1;
}
