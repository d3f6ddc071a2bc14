using System.Net;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Operator.Status.V1;

namespace DaprK8s.EndToEnd.Tests.Kubernetes;

/// <summary>What becomes of changes at the operator while the sidecar serves, and what the operator hears of it (contract: k8s 5.8).</summary>
public sealed class LiveChangesTests
{
    [Fact]
    public async Task A_component_comes_changes_and_goes_while_the_sidecar_serves()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Ready);

        pod.PutComponent("late");
        await Eventually.TrueAsync(async () => await SaveAsync(daprd, "late") == HttpStatusCode.NoContent, "the new component serves");

        pod.PutComponent("late", metadata: """[{"name":"keyPrefix","value":"none"}]""");
        await Eventually.TrueAsync(
            async () => (await daprd.Http.GetAsync("/v1.0/state/late/k")).StatusCode == HttpStatusCode.NoContent, "the changed component has replaced the first one");

        pod.Operator.Remove("Component", "late");
        await Eventually.TrueAsync(async () => await SaveAsync(daprd, "late") is HttpStatusCode.BadRequest or HttpStatusCode.InternalServerError, "the component is gone");
        await pod.Operator.StopAsync();
        Assert.Equal(HttpStatusCode.NoContent, (await daprd.Http.GetAsync("/v1.0/healthz")).StatusCode);
    }

    [Fact]
    public async Task A_rotated_secret_reaches_the_component_that_refers_to_it()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.Operator.Put("Component", WithSecret("ONE_"));
        await using var daprd = await pod.Sidecar(
            "orders", flags: ["--hot-reload-reconcile-interval", "1s"], env: new Dictionary<string, string> { ["ONE_X"] = "first", ["TWO_X"] = "second" }).StartAsync(Until.Ready);
        Assert.Equal("{\"X\":\"first\"}", await daprd.Http.GetStringAsync("/v1.0/secrets/env/X"));

        pod.Operator.PutSilently("Component", WithSecret("TWO_"));

        await Eventually.TrueAsync(async () => await daprd.Http.GetStringAsync("/v1.0/secrets/env/X") == "{\"X\":\"second\"}", "the new secret is in use");
        Assert.DoesNotContain("TWO_", daprd.Log.ToString(), StringComparison.Ordinal);

        static string WithSecret(string value) => $$$$"""
            {"metadata":{"name":"env","namespace":"apps","uid":"u","generation":1},"spec":{"type":"secretstores.local.env","version":"v1","metadata":[
              {"name":"prefix","value":"{{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(value))}}}}","secretKeyRef":{"name":"s","key":"k"}}]}}
            """;
    }

    [Fact]
    public async Task A_Configuration_changes_without_a_restart()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.Operator.Put("Configuration", """{"metadata":{"name":"mine","namespace":"apps"},"spec":{}}""");
        pod.PutSecret("apps", "db", "password", "hush");
        await using var daprd = await pod.Sidecar("orders", configuration: "mine").StartAsync(Until.Ready);
        var pid = daprd.Pid;
        Assert.Equal("{\"password\":\"hush\"}", await daprd.Http.GetStringAsync("/v1.0/secrets/kubernetes/db"));

        pod.Operator.Put("Configuration", """
            {"metadata":{"name":"mine","namespace":"apps"},"spec":{"secrets":{"scopes":[{"storeName":"kubernetes","defaultAccess":"deny"}]}}}
            """);

        await Eventually.TrueAsync(
            async () => (await daprd.Http.GetAsync("/v1.0/secrets/kubernetes/db")).StatusCode == HttpStatusCode.Forbidden, "the new scopes count");
        Assert.Equal(pid, daprd.Pid);
    }

    [Fact]
    public async Task A_component_that_fails_keeps_the_sidecar_up_but_not_ready_and_the_operator_hears_of_it()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.PutComponent("good");
        pod.PutComponent("bad", "secretstores.local.file", """[{"name":"secretsFile","value":"/nowhere/at/all.json"}]""");
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Started);

        await Eventually.TrueAsync(() => Last(pod, "bad")?.State == ResourceState.Types.State.Failed, "the failure is reported");
        await Eventually.TrueAsync(() => Last(pod, "good")?.State == ResourceState.Types.State.Ready, "the good one is reported");
        Assert.NotEmpty(Last(pod, "bad")!.Reason);
        Assert.All(pod.Operator.Reports, r => Assert.Equal(("apps", "orders-0"), (r.Namespace, r.PodName)));
        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        Assert.Equal(HttpStatusCode.InternalServerError, health.StatusCode);
        Assert.Contains("bad", await health.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "good"));
        Assert.False(daprd.HasExited);

        pod.PutComponent("bad");
        await Eventually.TrueAsync(() => Last(pod, "bad") is { State: ResourceState.Types.State.Ready, Generation: 2 }, "the repair is reported");
        await daprd.WaitUntilReadyAsync();

        pod.Operator.Remove("Component", "bad");
        await Eventually.TrueAsync(() => Last(pod, "bad")?.State == ResourceState.Types.State.Removed, "the removal is reported");
    }

    [Fact]
    public async Task A_component_whose_secret_is_absent_keeps_the_sidecar_up_but_not_ready_and_costs_no_other_component()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.PutComponent("good");
        pod.PutComponent("bad", more: ",\"secretProblem\":\"Secret \\\"db\\\" not found\"");
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Started);

        await Eventually.TrueAsync(() => Last(pod, "bad") is { State: ResourceState.Types.State.Failed, Reason: "SecretUnavailable" }, "the failure is reported");
        Assert.Contains("Secret \"db\" not found", Last(pod, "bad")!.Message, StringComparison.Ordinal);
        using var health = await daprd.Http.GetAsync("/v1.0/healthz");
        Assert.Equal(HttpStatusCode.InternalServerError, health.StatusCode);
        Assert.Contains("bad", await health.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "good"));

        pod.PutComponent("bad");
        await daprd.WaitUntilReadyAsync();
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "bad"));

        pod.PutComponent("bad", metadata: """[{"name":"keyPrefix","secretKeyRef":{"name":"db","key":"k"}}]""", more: ",\"secretProblem\":\"Secret \\\"db\\\" not found\"");
        await Eventually.TrueAsync(() => Last(pod, "bad") is { State: ResourceState.Types.State.Degraded, Reason: "SecretUnavailable" }, "the version before stays, and the operator knows why");
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "bad"));
    }

    [Fact]
    public async Task An_endpoint_whose_secret_is_absent_is_told_of_once_and_works_when_the_secret_is_there()
    {
        const string Problem = "Secret \\\"db\\\" not found";
        await using var pod = await KubernetesPod.CreateAsync();
        PutEndpoint($",\"secretProblem\":\"{Problem}\"");
        await using var daprd = await pod.Sidecar("orders", flags: ["--hot-reload-reconcile-interval", "500ms"]).StartAsync(Until.Ready);
        await Eventually.TrueAsync(() => Last(pod, "api") is { State: ResourceState.Types.State.Failed, Reason: "SecretUnavailable" }, "the failure is reported");
        var lists = pod.Operator.Calls("ListHTTPEndpoints");
        await Eventually.TrueAsync(() => pod.Operator.Calls("ListHTTPEndpoints") >= lists + 3, "it was listed three times more");
        Assert.Single(daprd.Log.All, l => l.Contains("HTTPEndpoint api", StringComparison.Ordinal) && l.Contains("level=error", StringComparison.Ordinal));

        PutEndpoint("");
        await Eventually.TrueAsync(() => Last(pod, "api")?.State == ResourceState.Types.State.Ready, "the repair is reported");
        PutEndpoint($",\"secretProblem\":\"{Problem}\"");
        await Eventually.TrueAsync(() => Last(pod, "api")?.State == ResourceState.Types.State.Degraded, "the version before stays in use");
        PutEndpoint("");
        await Eventually.TrueAsync(() => Last(pod, "api")?.State == ResourceState.Types.State.Ready, "and is as it was");

        void PutEndpoint(string more) => pod.Operator.Put("HTTPEndpoint", $$$"""
            {"metadata":{"name":"api","namespace":"apps"},"spec":{"baseUrl":"https://example.com","headers":[{"name":"x","secretKeyRef":{"name":"db","key":"k"}}]},"auth":{"secretStore":""}{{{more}}}}
            """);
    }

    [Fact]
    public async Task Daprs_operator_which_takes_no_reports_changes_nothing()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.Operator.Unimplemented["Report"] = true;
        pod.PutComponent("good");
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Ready);

        await Eventually.TrueAsync(() => daprd.Log.Contains("takes no reports"), "the sidecar has understood");
        Assert.Equal(1, pod.Operator.Calls("Report"));
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(daprd, "good"));
    }

    private static ResourceState? Last(KubernetesPod pod, string name)
        => pod.Operator.Reports.SelectMany(r => r.Resources).LastOrDefault(r => r.Name == name);

    private static async Task<HttpStatusCode> SaveAsync(Daprd daprd, string store)
    {
        using var answer = await daprd.Http.PostAsync($"/v1.0/state/{store}", new StringContent("""[{"key":"k","value":"v"}]"""));
        return answer.StatusCode;
    }
}
