using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Clusters;

namespace DaprK8s.Cluster.Tests.Install;

/// <summary>What a user has right after <c>helm install</c>: annotate, apply, call.</summary>
[Collection(InstallationCollection.Name)]
public sealed class ApplicationTests(Installation installation) : IAsyncLifetime
{
    public ValueTask InitializeAsync() => new(installation.EnsureAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task An_annotated_Deployment_keeps_state_through_its_sidecar()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        var app = await place.RunAppAsync("orders");

        Assert.Contains(app.Pod.Items("spec", "containers"), c => c.Text("name") == "daprd");
        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"order","value":{"amount":7}}]""")).Status);
        Assert.Equal((200, """{"amount":7}"""), await app.DaprAsync("GET", "/v1.0/state/store/order"));
    }

    [Fact]
    public async Task Apps_call_each_other_by_their_ids_and_nobody_reads_along()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyAppAsync("callee")).Succeeded();
        var caller = await place.RunAppAsync("caller");
        var callee = await place.RunningAsync("callee");

        await place.UntilAsync(async () => (await caller.DaprAsync("GET", "/v1.0/invoke/callee/method/hello?to=you")).Status == 200, "the callee answers the caller");
        var (_, body) = await caller.DaprAsync("POST", "/v1.0/invoke/callee/method/hello?to=you", "\"greetings\"");
        Assert.Contains("\"app\":\"" + callee.PodName, body, StringComparison.Ordinal);
        Assert.Contains("/hello?to=you", body, StringComparison.Ordinal);
        Assert.Contains("greetings", body, StringComparison.Ordinal);

        // The port between sidecars speaks TLS alone: a plaintext request is not answered.
        Assert.Equal(0, (await caller.CallAsync("GET", $"http://{callee.Pod.Text("status", "podIP")}:50002/")).Status);
    }

    [Fact]
    public async Task A_published_message_reaches_its_subscriber()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("bus", "pubsub.in-memory")).Succeeded();
        (await place.ApplyAsync("""
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata:
              name: news
            spec:
              pubsubname: bus
              topic: news
              routes:
                default: /messages
            """)).Succeeded();
        var app = await place.RunAppAsync("reader");

        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/publish/bus/news", """{"headline":"it works"}""")).Status);

        await place.UntilAsync(
            async () => (await app.AskAsync("/test/messages")).EnumerateArray().Any(m => m.Text("data", "headline") == "it works"),
            "the message is in the app");
    }

    [Fact]
    public async Task A_pod_without_the_annotation_has_no_sidecar()
    {
        await using var place = await installation.NewNamespaceAsync();
        var app = await place.RunAppAsync("plain", new Dictionary<string, string> { ["dapr.io/enabled"] = "false" });

        Assert.Equal(["app"], app.Pod.Items("spec", "containers").Select(c => c.Text("name")));
    }

    [Fact]
    public async Task A_Job_with_a_native_sidecar_ends_when_its_work_is_done()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        const string Work = "fetch('http://localhost:3500/v1.0/state/store', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '[{\"key\":\"k\",\"value\":1}]' }).then(r => { console.log(r.status); process.exit(r.status === 204 ? 0 : 1); })";
        (await place.ApplyAsync(new JsonObject
        {
            ["apiVersion"] = "batch/v1",
            ["kind"] = "Job",
            ["metadata"] = new JsonObject { ["name"] = "nightly" },
            ["spec"] = new JsonObject
            {
                ["backoffLimit"] = 4,
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject
                    {
                        ["annotations"] = new JsonObject { ["dapr.io/enabled"] = "true", ["dapr.io/app-id"] = "nightly", ["dapr.io/enable-native-sidecar"] = "true" },
                    },
                    ["spec"] = new JsonObject
                    {
                        ["restartPolicy"] = "OnFailure",
                        ["containers"] = new JsonArray(new JsonObject
                        {
                            ["name"] = "work",
                            ["image"] = installation.Cluster.AppImage,
                            ["command"] = new JsonArray("node", "-e", Work),
                        }),
                    },
                },
            },
        }.ToJsonString())).Succeeded();

        await place.UntilAsync(async () => (await installation.GetAsync("job", "nightly", "-n", place.Name)).Is("Complete"), "the job is complete");
    }

    [Fact]
    public async Task An_app_reaches_its_sidecar_through_a_Unix_socket()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        var app = await place.RunAppAsync("sockets", new Dictionary<string, string> { ["dapr.io/unix-domain-socket-path"] = "/sockets" });

        var (status, _) = await app.CallAsync("GET", "http://localhost/v1.0/metadata", socket: "/sockets/dapr-sockets-http.socket");

        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Namespaces_keep_components_apart_and_apps_are_called_across_them_by_their_full_name()
    {
        await using var here = await installation.NewNamespaceAsync();
        await using var there = await installation.NewNamespaceAsync();
        (await there.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        (await there.ApplyAppAsync("callee")).Succeeded();
        var caller = await here.RunAppAsync("caller");
        await there.RunningAsync("callee");

        await here.UntilAsync(async () => (await caller.DaprAsync("GET", $"/v1.0/invoke/callee.{there.Name}/method/hello")).Status == 200, "the app of the other namespace answers");
        Assert.NotEqual(200, (await caller.DaprAsync("GET", "/v1.0/invoke/callee/method/hello")).Status);
        var (status, body) = await caller.DaprAsync("GET", "/v1.0/state/store/x");
        Assert.Equal(500, status);
        Assert.Contains("ERR_STATE_STORE_NOT_CONFIGURED", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_without_the_token_of_its_account_has_its_identity_all_the_same()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyComponentAsync("store", "state.in-memory")).Succeeded();
        // Its built-in secret store needs that token, so it goes too.
        var app = await place.RunAppAsync(
            "tokenless",
            new Dictionary<string, string> { ["dapr.io/disable-builtin-k8s-secret-store"] = "true" },
            change: spec => spec["automountServiceAccountToken"] = false);

        Assert.Equal(204, (await app.DaprAsync("POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")).Status);
    }

    [Fact]
    public async Task A_secret_is_read_by_those_who_have_the_right_to()
    {
        await using var place = await installation.NewNamespaceAsync();
        (await place.ApplyAsync("""
            apiVersion: v1
            kind: Secret
            metadata:
              name: safe
            stringData:
              combination: 1-2-3
            """)).Succeeded();
        var app = await place.RunAppAsync("burglar");
        Assert.NotEqual(200, (await app.DaprAsync("GET", "/v1.0/secrets/kubernetes/safe")).Status);

        (await place.ApplyAsync($$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: Role
            metadata:
              name: secret-reader
            rules:
              - apiGroups: [""]
                resources: [secrets]
                verbs: [get]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: RoleBinding
            metadata:
              name: secret-reader
            roleRef:
              apiGroup: rbac.authorization.k8s.io
              kind: Role
              name: secret-reader
            subjects:
              - kind: ServiceAccount
                name: default
                namespace: {{place.Name}}
            """)).Succeeded();

        await place.UntilAsync(async () => await app.DaprAsync("GET", "/v1.0/secrets/kubernetes/safe") == (200, """{"combination":"1-2-3"}"""), "the secret is told");
    }
}
