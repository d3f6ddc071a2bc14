using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DaprK8s.Components.Tests.Support;
using DaprK8s.Injector.Tests.Support;

namespace DaprK8s.Injector.Tests.Server;

/// <summary>The whole of the injector with a real sentry, called as the API server calls it.</summary>
public sealed class InjectorTests
{
    [Fact]
    public async Task A_pod_gets_its_sidecar_through_a_webhook_that_the_api_server_trusts()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        var pod = await client.AdmitAsync(Injections.EnabledPod(("dapr.io/app-port", "8080")));
        var sidecar = pod["spec"]!["containers"]!.AsArray().Single(c => (string)c!["name"]! == "daprd")!;
        Assert.Equal("registry.example/daprd:1.17.0", (string)sidecar["image"]!);
        Assert.Equal(cluster.Anchors.Trim(), ((string)sidecar["env"]!.AsArray().Single(e => (string)e!["name"]! == "DAPR_TRUST_ANCHORS")!["value"]!).Trim());
        Assert.Contains("dapr-identity-token", pod["spec"]!["volumes"]!.AsArray().Select(v => (string)v!["name"]!));
        Assert.Equal("true", (string)pod["metadata"]!["labels"]!["dapr.io/sidecar-injected"]!);

        // Older API servers know no other.
        Assert.NotNull(client.Presented!.GetRSAPublicKey());
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri($"http://127.0.0.1:{cluster.MetricsPort}/"), TestContext.Current.CancellationToken);
        Assert.Contains("dapr_injector_sidecar_injection_requests_total 1", metrics, StringComparison.Ordinal);
        Assert.Contains("dapr_injector_sidecar_injection_succeeded_total{app_id=\"orders\"} 1", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_that_are_none_are_answered_as_the_contract_has_it()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        await AssertAnswerAsync(await client.PostAsync(""), HttpStatusCode.BadRequest, "empty body");
        await AssertAnswerAsync(await client.PostAsync("{}", ""), HttpStatusCode.UnsupportedMediaType, "invalid Content-Type, expected `application/json`");
        await AssertAnswerAsync(await client.PostAsync("{}", "application/json; charset=utf-8"), HttpStatusCode.UnsupportedMediaType, "invalid Content-Type, expected `application/json`");
        await AssertAnswerAsync(await client.PostAsync("{}", path: "/mutate/"), HttpStatusCode.NotFound, "");
        await AssertAnswerAsync(await client.PostAsync("{}", path: "/"), HttpStatusCode.NotFound, "");
        await AssertAnswerAsync(await client.PostAsync(new string(' ', (8 * 1024 * 1024) + 1)), HttpStatusCode.RequestEntityTooLarge, "body too large");
        foreach (var garbage in new[] { "nonsense", "{", "[]", "\"\\ud800\"", new string('[', 100_000), """{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}""" })
        {
            using var answer = await client.PostAsync(garbage);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var review = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
            Assert.Equal("AdmissionReview", (string)review["kind"]!);
            Assert.False((bool)review["response"]!["allowed"]!);
            Assert.NotEmpty((string)review["response"]!["status"]!["message"]!);
        }

        await client.AdmitAsync(Injections.EnabledPod());
    }

    [Fact]
    public async Task An_object_with_broken_texts_is_refused_and_the_next_one_served()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        var review = Injections.Review(Injections.EnabledPod(("dapr.io/config", "BROKEN"))).ToJsonString().Replace("BROKEN", "\\ud800", StringComparison.Ordinal);
        using var answer = await client.PostAsync(review);
        Assert.Contains("could not unmarshal raw object", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await client.AdmitAsync(Injections.EnabledPod());
    }

    [Fact]
    public async Task The_system_configuration_decides_on_mtls()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        Assert.Contains("--enable-mtls", await client.ArgumentsAsync(Injections.EnabledPod()), StringComparison.Ordinal);
        cluster.Put("dapr.io/v1alpha1", "Configuration", InjectorCluster.Namespace, "daprsystem", ("spec", new JsonObject { ["mtls"] = new JsonObject { ["enabled"] = false } }));
        await Eventually.TrueAsync(
            async () => !(await client.ArgumentsAsync(Injections.EnabledPod())).Contains("--enable-mtls", StringComparison.Ordinal), "sidecars are told that mTLS is off");
        cluster.Put("dapr.io/v1alpha1", "Configuration", InjectorCluster.Namespace, "daprsystem", ("spec", new JsonObject { ["mtls"] = new JsonObject() }));
        await Eventually.TrueAsync(
            async () => (await client.ArgumentsAsync(Injections.EnabledPod())).Contains("--enable-mtls", StringComparison.Ordinal), "what is not set counts as on");
    }

    [Fact]
    public async Task Many_pods_cost_one_question_for_the_system_configuration()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        cluster.Server.Faults.ForgetRequests();
        for (var i = 0; i < 50; i++)
        {
            await client.AdmitAsync(Injections.EnabledPod());
        }

        // A second one when the first has aged in between.
        Assert.InRange(cluster.Server.Faults.Count("get", "configurations.dapr.io"), 1, 5);
        Assert.Equal(0, cluster.Server.Faults.Count("list", "components.dapr.io"));
    }

    [Fact]
    public async Task A_component_created_right_before_the_pod_brings_its_container()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        for (var i = 0; i < 3; i++)
        {
            cluster.Put("dapr.io/v1alpha1", "Component", "shop", $"store-{i}", ("spec", new JsonObject { ["type"] = "state.mine", ["version"] = "v1" }));
            var container = $$"""{"image":"components/store:{{i}}"}""";
            cluster.Server.Objects.Change("components.dapr.io", "shop", $"store-{i}", c => c["metadata"]!["annotations"] = new JsonObject { ["dapr.io/component-container"] = container });
            var pod = await client.AdmitAsync(Injections.EnabledPod(("dapr.io/inject-pluggable-components", "true")));
            Assert.Contains($"store-{i}", pod["spec"]!["containers"]!.AsArray().Select(c => (string)c!["name"]!));
        }
    }

    [Fact]
    public async Task An_account_is_known_by_its_uid()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        var review = Injections.Review(Injections.EnabledPod(), "somebody-by-certificate");
        Assert.Null((await client.AskAsync(review))["patch"]);
        review["request"]!["userInfo"]!["uid"] = cluster.Server.Objects.Find("serviceaccounts", "kube-system", "job-controller")!.Value.GetProperty("metadata").GetProperty("uid").GetString();
        Assert.NotNull((await client.AskAsync(review))["patch"]);
    }

    [Fact]
    public async Task A_request_under_way_is_answered_when_the_injector_stops()
    {
        await using var cluster = await InjectorCluster.StartAsync();
        using var client = cluster.NewClient();
        var gate = cluster.Server.Faults.Hold("get", "configurations.dapr.io");
        var asked = client.AdmitAsync(Injections.EnabledPod());
        await Eventually.TrueAsync(() => gate.Waiting > 0, "the request is under way");
        var stopping = cluster.StopInjectorAsync();
        await Eventually.TrueAsync(async () => await cluster.HealthAsync() is null or HttpStatusCode.ServiceUnavailable, "the injector is no longer ready");
        cluster.Server.Faults.Clear("get", "configurations.dapr.io");
        gate.Open();
        Assert.NotNull(await asked);
        await stopping;
    }

    private static async Task AssertAnswerAsync(HttpResponseMessage answer, HttpStatusCode status, string text)
    {
        using (answer)
        {
            Assert.Equal(status, answer.StatusCode);
            Assert.Equal(text, (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Trim());
        }
    }
}
