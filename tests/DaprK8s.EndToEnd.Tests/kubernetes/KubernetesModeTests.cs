using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Sentry.V1;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Kubernetes;

/// <summary>The sidecar's executable with what the injector gives it (contract: k8s 5).</summary>
public sealed class KubernetesModeTests
{
    [Fact]
    public async Task It_is_ready_with_the_components_of_the_operator_and_the_built_in_secret_store()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.PutComponent("store");
        pod.PutSecret("apps", "db", "password", "hush");
        pod.PutSecret("other", "db", "password", "theirs");
        await using var daprd = await Public(pod, "orders", Ports.Take()).StartAsync(Until.Ready);

        using var metadata = await daprd.Http.GetAsync("/v1.0/metadata");
        var document = JsonNode.Parse(await metadata.Content.ReadAsStringAsync())!;
        Assert.Equal(
            [("kubernetes", "secretstores.kubernetes"), ("store", "state.in-memory")],
            document["components"]!.AsArray().Select(c => ((string)c!["name"]!, (string)c["type"]!)).Order());
        Assert.Equal("{\"password\":\"hush\"}", await daprd.Http.GetStringAsync("/v1.0/secrets/kubernetes/db"));
        Assert.Equal("{\"password\":\"theirs\"}", await daprd.Http.GetStringAsync("/v1.0/secrets/kubernetes/db?metadata.namespace=other"));
        Assert.Equal("{\"db\":{\"password\":\"hush\"}}", await daprd.Http.GetStringAsync("/v1.0/secrets/kubernetes/bulk"));
        using var absent = await daprd.Http.GetAsync("/v1.0/secrets/kubernetes/absent");
        Assert.Equal(HttpStatusCode.InternalServerError, absent.StatusCode);
        Assert.Contains("secrets \\\"absent\\\" not found", await absent.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        Assert.All(pod.Sentry.Requests, r =>
        {
            Assert.Equal(("orders", "apps", "token-for-sentry"), (r.Id, r.Namespace, r.Token));
            Assert.Equal(SignCertificateRequest.Types.TokenValidator.Kubernetes, r.TokenValidator);
        });
        Assert.Equal(0, await daprd.StopAsync());
    }

    [Fact]
    public async Task The_public_port_answers_probes_without_a_token_and_nothing_else()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        var port = Ports.Take();
        await using var daprd = await Public(pod, "orders", port, new() { ["DAPR_API_TOKEN"] = "hush" }).StartAsync(Until.Started);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        await Eventually.TrueAsync(async () => (await http.GetAsync("/v1.0/healthz")).StatusCode == HttpStatusCode.NoContent, "it is ready");

        Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync("/v1.0/healthz/outbound")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1.0/metadata")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await http.PutAsync("/v1.0/metadata/k", new StringContent("v"))).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/v1.0/secrets/kubernetes/db")).StatusCode);
        using var mismatch = await http.GetAsync("/v1.0/healthz?appid=another");
        Assert.Equal(HttpStatusCode.InternalServerError, mismatch.StatusCode);
        Assert.Contains("ERR_HEALTH_APPID_NOT_MATCH", await mismatch.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Unauthorized, (await daprd.Http.GetAsync("/v1.0/metadata")).StatusCode);
    }

    [Fact]
    public async Task Nothing_listens_before_there_is_an_identity()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        var isRefused = true;
        pod.Sentry.Refuse = _ => isRefused ? new Status(StatusCode.Unavailable, "not now") : null;
        var port = Ports.Take();
        await using var daprd = await Public(pod, "orders", port).StartAsync(Until.Started);
        await Eventually.TrueAsync(() => pod.Sentry.Requests.Count >= 2, "it has asked for an identity");

        Assert.False(Ports.IsHeldBy(daprd.Pid, daprd.HttpPort));
        Assert.False(Ports.IsHeldBy(daprd.Pid, port));
        Assert.Empty(pod.Operator.Callers);

        isRefused = false;
        await daprd.WaitUntilReadyAsync();
    }

    [Fact]
    public async Task A_signal_ends_the_wait_for_an_identity()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.Sentry.Refuse = _ => new Status(StatusCode.Unavailable, "not now");
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Started);
        await Eventually.TrueAsync(() => !pod.Sentry.Requests.IsEmpty, "it has asked for an identity");

        Assert.Equal(0, await daprd.StopAsync());
    }

    [Fact]
    public async Task The_assigned_Configuration_counts_and_an_absent_one_ends_the_start()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.Operator.Put("Configuration", """
            {"metadata":{"name":"mine","namespace":"apps"},"spec":{"api":{"denied":[{"name":"secrets","version":"v1.0","protocol":"http"}]}}}
            """);
        await using var daprd = await pod.Sidecar("orders", configuration: "mine").StartAsync(Until.Ready);
        Assert.Equal(HttpStatusCode.NotFound, (await daprd.Http.GetAsync("/v1.0/secrets/kubernetes/db")).StatusCode);

        await using var lost = await pod.Sidecar("lost", configuration: "absent").StartAsync(Until.Started);
        Assert.Equal(1, await lost.WaitForExitAsync());
        Assert.True(lost.Log.Contains("error loading configuration: "), lost.Log.ToString());
        Assert.True(lost.Log.Contains("Configuration.dapr.io \\\"absent\\\" not found") || lost.Log.Contains("Configuration.dapr.io \"absent\" not found"), lost.Log.ToString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Apps_call_each_other_by_name_with_mTLS_or_in_clear_text(bool mtls)
    {
        await using var pod = await KubernetesPod.CreateAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("GET /hello", Reply.Ok));
        await using var callee = await pod.Sidecar("callee", app, mtls: mtls).StartAsync(Until.Ready);
        pod.Operator.Put("Configuration", $$$$$"""
            {"metadata":{"name":"names","namespace":"apps"},"spec":{"nameResolution":{"component":"kubernetes","configuration":{"template":"127.0.0.1:{{{{{callee.InternalPort}}}}}"}}}}
            """);
        await using var caller = await pod.Sidecar("caller", configuration: "names", mtls: mtls).StartAsync(Until.Ready);

        using var answer = await caller.Http.GetAsync("/v1.0/invoke/callee/method/hello");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var named = await caller.Http.GetAsync("/v1.0/invoke/callee.apps/method/hello");
        Assert.Equal(HttpStatusCode.OK, named.StatusCode);

        // One that speaks the other way is turned away.
        await using var other = await pod.Sidecar("stranger", configuration: "names", mtls: !mtls).StartAsync(Until.Ready);
        using var refused = await other.Http.GetAsync("/v1.0/invoke/callee/method/hello");
        Assert.Equal(HttpStatusCode.InternalServerError, refused.StatusCode);
    }

    [Fact]
    public async Task A_lookup_that_fails_names_the_Service()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Ready);

        using var answer = await daprd.Http.GetAsync("/v1.0/invoke/nobody/method/x");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Contains("failed to resolve address for 'nobody-dapr.apps.svc.cluster.local'", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DAPR_TRUST_ANCHORS", "", "trust anchors are required")]
    [InlineData("DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK", "no", "current user UID(0) is root")]
    [InlineData("DAPR_SENTRY_TOKEN_FILE", "", "environmental variable DAPR_SENTRY_TOKEN_FILE is set with an empty value")]
    public async Task What_it_cannot_do_without_is_named(string variable, string value, string message)
    {
        Assert.SkipWhen(variable.StartsWith("DAPR_UNSAFE", StringComparison.Ordinal) && Environment.UserName != "root", "only root is refused");
        await using var pod = await KubernetesPod.CreateAsync();
        var setup = pod.Sidecar("orders");
        await using var daprd = await (setup with { Environment = new Dictionary<string, string>(setup.Environment) { [variable] = value } }).StartAsync(Until.Started);

        Assert.Equal(1, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains(message), daprd.Log.ToString());
    }

    [Theory]
    [InlineData("UPPER")]
    [InlineData("with.dots")]
    [InlineData("this-app-id-is-much-too-long-for-the-name-of-a-service-in-kubernetes")]
    public async Task An_app_id_that_no_Service_can_be_named_for_is_refused(string appId)
    {
        await using var pod = await KubernetesPod.CreateAsync();
        await using var daprd = await pod.Sidecar(appId).StartAsync(Until.Started);

        Assert.Equal(1, await daprd.WaitForExitAsync());
        Assert.True(daprd.Log.Contains($"invalid app id (input: '{appId}', service: '{appId}-dapr'): "), daprd.Log.ToString());
    }

    [Fact]
    public async Task The_operators_going_away_stops_nothing()
    {
        await using var pod = await KubernetesPod.CreateAsync();
        pod.PutComponent("store");
        await using var daprd = await pod.Sidecar("orders").StartAsync(Until.Ready);

        await pod.Operator.StopAsync();
        await Eventually.TrueAsync(() => daprd.Log.Contains("interrupted, trying again"), "the outage is told");
        Assert.Equal(HttpStatusCode.NoContent, (await daprd.Http.PostAsync("/v1.0/state/store", new StringContent("""[{"key":"k","value":"v"}]"""))).StatusCode);
        Assert.Equal("\"v\"", await daprd.Http.GetStringAsync("/v1.0/state/store/k"));
        Assert.Equal(HttpStatusCode.NoContent, (await daprd.Http.GetAsync("/v1.0/healthz")).StatusCode);

        await pod.Operator.StartAsync();
        pod.PutComponent("late");
        await Eventually.TrueAsync(
            async () => (await daprd.Http.PostAsync("/v1.0/state/late", new StringContent("""[{"key":"k","value":"v"}]"""))).StatusCode == HttpStatusCode.NoContent,
            "what comes after the operator's return is used", TimeSpan.FromSeconds(90));
    }

    private static DaprdSetup Public(KubernetesPod pod, string appId, int port, Dictionary<string, string>? env = null)
        => pod.Sidecar(appId, flags: ["--dapr-public-port", $"{port}"], env: env);
}
