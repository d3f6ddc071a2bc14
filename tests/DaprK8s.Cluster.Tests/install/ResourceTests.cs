using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Clusters;

namespace DaprK8s.Cluster.Tests.Install;

/// <summary>What <c>kubectl apply</c> and <c>kubectl get</c> do for components and the like.</summary>
[Collection(InstallationCollection.Name)]
public sealed class ResourceTests(Installation installation) : IAsyncLifetime
{
    public ValueTask InitializeAsync() => new(installation.EnsureAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_component_that_is_applied_changed_and_deleted_is_so_in_running_sidecars()
    {
        await using var place = await installation.NewNamespaceAsync();
        var app = await place.RunAppAsync("steady");
        Assert.Contains("ERR_STATE_STORE_NOT_CONFIGURED", (await app.DaprAsync("GET", "/v1.0/state/late/x")).Body, StringComparison.Ordinal);

        (await place.ApplyComponentAsync("late", "state.in-memory")).Succeeded();
        await place.UntilAsync(async () => (await app.DaprAsync("GET", "/v1.0/state/late/x")).Status == 204, "the new component is there");
        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/late", """[{"key":"x","value":1}]""")).Status);

        (await place.ApplyComponentAsync("late", "state.in-memory", """[{name: keyPrefix, value: name}]""")).Succeeded();
        await place.UntilAsync(async () => (await app.DaprAsync("GET", "/v1.0/state/late/x")).Status == 204, "the changed component does not find the key of the former one");

        (await installation.KubectlAsync("delete", "component", "late", "-n", place.Name)).Succeeded();
        await place.UntilAsync(async () => (await app.DaprAsync("GET", "/v1.0/state/late/x")).Body.Contains("ERR_STATE_STORE", StringComparison.Ordinal), "the deleted component is gone");
        Assert.Equal(0, (await installation.PodsAsync("steady", place.Name)).Single().Items("status", "containerStatuses").Sum(c => c.Number("restartCount")));
    }

    [Fact]
    public async Task Kubectl_shows_which_components_are_loaded_and_by_how_many()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        await place.RunAppAsync("one");
        await place.RunAppAsync("two");

        var told = "";
        await place.UntilAsync(
            async () =>
            {
                told = (await installation.KubectlAsync("get", "components", "store", "-n", place.Name)).Succeeded();
                var lines = told.Split('\n');
                var columns = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                var values = lines[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                string Value(string column) => values.ElementAtOrDefault(Array.IndexOf(columns, column)) ?? "";
                return (Value("READY"), Value("TYPE"), Value("VERSION"), Value("APPS")) == ("True", "state.in-memory", "v1", "2/2");
            },
            () => $"kubectl shows the component with its two apps, instead of\n{told}");
    }

    [Fact]
    public async Task A_component_that_cannot_be_is_refused_with_the_reason()
    {
        await using var place = await installation.NewNamespaceAsync();

        var unknown = (await place.ApplyComponentAsync("store", "state.filing-cabinet")).Refused();
        Assert.Contains("state.filing-cabinet", unknown, StringComparison.Ordinal);

        var incomplete = (await place.ApplyComponentAsync("store", "state.redis")).Refused();
        Assert.Contains("redisHost", incomplete, StringComparison.Ordinal);

        var unreadable = (await place.ApplyAsync("""
            apiVersion: dapr.io/v1alpha1
            kind: Resiliency
            metadata:
              name: broken
            spec:
              policies:
                timeouts:
                  general: soon
              targets: {}
            """)).Refused();
        Assert.Contains("general", unreadable, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_component_whose_secret_is_absent_is_warned_of_and_loads_once_the_secret_is_there()
    {
        await using var place = await installation.NewNamespaceAsync();
        var applied = (await place.ApplyComponentAsync("store", "state.in-memory", "[{name: keyPrefix, secretKeyRef: {name: absent, key: prefix}}]")).Succeeded();
        Assert.Contains("absent", applied, StringComparison.Ordinal);
        (await place.ApplyAppAsync("waiting")).Succeeded();

        await place.UntilAsync(
            async () => (await installation.PodsAsync("waiting", place.Name)).SelectMany(p => p.Items("status", "containerStatuses")).ToLookup(c => c.Text("name"), c => c.Flag("ready"))
                is var ready && ready["app"].Contains(true) && ready["daprd"].Contains(false),
            "the app is ready and its sidecar is not");
        Assert.All(
            (await installation.PodsAsync("waiting", place.Name)).SelectMany(p => p.Items("status", "containerStatuses")),
            c => Assert.Equal(0, c.Number("restartCount")));

        (await place.ApplyAsync("""
            apiVersion: v1
            kind: Secret
            metadata:
              name: absent
            stringData:
              prefix: none
            """)).Succeeded();

        var app = await place.RunningAsync("waiting");
        await place.UntilAsync(async () => (await installation.GetAsync("component", "store", "-n", place.Name)).Is("Ready"), "the component is ready");
        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")).Status);
    }

    [Fact]
    public async Task Kubectl_explains_a_field()
    {
        var text = (await installation.KubectlAsync("explain", "components.spec.type")).Succeeded();

        Assert.Contains("state.", text, StringComparison.Ordinal);
    }
}
