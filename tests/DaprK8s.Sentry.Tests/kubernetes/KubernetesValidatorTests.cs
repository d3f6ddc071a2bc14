using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Sentry.Validators;
using static DaprK8s.Sentry.Tests.Kubernetes.SentryCluster;

namespace DaprK8s.Sentry.Tests.Kubernetes;

public sealed class KubernetesValidatorTests
{
    private const string Reviews = "tokenreviews.authentication.k8s.io";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_app_gets_the_id_of_its_annotation_in_the_public_trust_domain_whatever_it_asks_for()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "orders-1", "orders-account", ("dapr.io/app-id", "orders"));
        var validator = cluster.StartValidator();

        var granted = await validator.ValidateAsync(Request("orders", "apps", cluster.Token("apps", "orders-1", "orders-account"), "cluster.local"), Stop);

        Assert.Equal("public", granted.TrustDomain);
        Assert.True(granted.ContainerImages.IsEmpty);
    }

    [Fact]
    public async Task A_pod_without_annotation_is_known_by_its_name()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "orders-1");
        var validator = cluster.StartValidator();
        var token = cluster.Token("apps", "orders-1");

        Assert.Equal("public", (await validator.ValidateAsync(Request("orders-1", "apps", token), Stop)).TrustDomain);
        Assert.Equal("app-id mismatch. expected: orders-1, received: apps:default", await RefusalAsync(validator, Request("apps:default", "apps", token)));
    }

    [Fact]
    public async Task Malformed_requests_cost_the_API_server_nothing()
    {
        await using var cluster = await StartAsync();
        var validator = cluster.StartValidator();
        Assert.Equal("invalid request: parameter app-id cannot contain dots", await RefusalAsync(validator, Request("a.b", "apps", "t")));
        Assert.Contains("trust domain characters are limited", await RefusalAsync(validator, Request("a", "apps", "t", "Not A Domain")), StringComparison.Ordinal);
        Assert.Equal(0, cluster.Server.Faults.Count("create", Reviews));
    }

    [Fact]
    public async Task The_review_asks_for_both_audiences_in_order()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        var token = cluster.Token("apps", "a");
        await validator.ValidateAsync(Request("a", "apps", token), Stop);

        var body = JsonNode.Parse(cluster.Server.Faults.Requests.Single(r => r.Resource == Reviews).Body)!;
        Assert.Equal("authentication.k8s.io/v1", (string?)body["apiVersion"]);
        Assert.Equal(token, (string?)body["spec"]!["token"]);
        Assert.Equal(["dapr.io/sentry", "spiffe://cluster.local/ns/dapr-system/dapr-sentry"], body["spec"]!["audiences"]!.AsArray().Select(a => (string)a!));
    }

    [Fact]
    public async Task A_review_that_does_not_happen_is_told_with_its_cause()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        cluster.Server.Access.Deny("create", Reviews);
        Assert.StartsWith(
            $"token review failed: cannot create {Reviews}: {Reviews} is forbidden",
            await RefusalAsync(validator, Request("a", "apps", cluster.Token("apps", "a"))),
            StringComparison.Ordinal);

        cluster.Server.Access.Permit("create", Reviews);
        cluster.Server.Faults.Cut("create", Reviews);
        Assert.StartsWith("token review failed: ", await RefusalAsync(validator, Request("a", "apps", cluster.Token("apps", "a"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"error":"no such signer","authenticated":true}""", "invalid token: no such signer")]
    [InlineData("""{"authenticated":false}""", "authentication failed")]
    [InlineData("{}", "authentication failed")]
    [InlineData("""{"authenticated":true,"audiences":["somebody-else"],"user":{"username":"system:serviceaccount:apps:default"}}""", "authentication failed")]
    [InlineData("""{"authenticated":true,"user":{"username":"system:serviceaccount:apps"}}""", "provided token is not a properly structured service account token")]
    [InlineData("""{"authenticated":true,"user":{"username":"system:serviceaccount:apps:default:more"}}""", "provided token is not a properly structured service account token")]
    [InlineData("""{"authenticated":true,"user":{"username":"admin:serviceaccount:apps:default"}}""", "provided token is not a properly structured service account token")]
    [InlineData("""{"authenticated":true}""", "provided token is not a properly structured service account token")]
    public async Task What_the_review_says_decides(string status, string refusal)
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        var token = """{"kubernetes.io":{"pod":{"name":"a"}}}""";
        cluster.Server.Tokens.ReviewAs(token, JsonNode.Parse(status)!.AsObject());
        Assert.Equal(refusal, await RefusalAsync(validator, Request("a", "apps", token)));
    }

    [Fact]
    public async Task The_API_server_refuses_tokens_of_others_and_for_others()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        var other = cluster.Server.Tokens.IssueForPod("apps", "a", "default", TimeSpan.FromHours(1), "https://kubernetes.default.svc");
        Assert.StartsWith("invalid token: [invalid bearer token, token audiences", await RefusalAsync(validator, Request("a", "apps", other)), StringComparison.Ordinal);
        Assert.Equal("invalid token: invalid bearer token", await RefusalAsync(validator, Request("a", "apps", "made-up")));
        Assert.StartsWith("invalid token: ", await RefusalAsync(validator, Request("a", "apps", "")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"kubernetes.io":{"pod":{"name":"a"}}}""", null)]
    [InlineData("""{"kubernetes.io":{"pod":{}}}""", "kubernetes.io/pod/name claim is missing from Kubernetes token")]
    [InlineData("""{"kubernetes.io":{"pod":{"name":""}}}""", "kubernetes.io/pod/name claim is missing from Kubernetes token")]
    [InlineData("""{"kubernetes.io":"pod"}""", "kubernetes.io/pod/name claim is missing from Kubernetes token")]
    [InlineData("{}", "kubernetes.io/pod/name claim is missing from Kubernetes token")]
    [InlineData("{", "failed to parse Kubernetes token: its claims are no JSON")]
    [InlineData("secret-word", "failed to parse Kubernetes token: it is no compact JWT")]
    [InlineData("a.!!!.c", "failed to parse Kubernetes token: its claims are no base64")]
    [InlineData("a.AAAA.c", "failed to parse Kubernetes token: its claims are no JSON")]
    [InlineData("a.WzFd.c", "failed to parse Kubernetes token: its claims are no object")]
    public async Task The_pod_is_read_from_the_token(string token, string? refusal)
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        cluster.Server.Tokens.ReviewAs(token, JsonNode.Parse("""{"authenticated":true,"user":{"username":"system:serviceaccount:apps:default"}}""")!.AsObject());
        if (refusal is null)
        {
            Assert.Equal("public", (await validator.ValidateAsync(Request("a", "apps", token), Stop)).TrustDomain);
        }
        else
        {
            Assert.Equal(refusal, await RefusalAsync(validator, Request("a", "apps", token)));
        }
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("..")]
    [InlineData("../secrets/dapr-trust-bundle")]
    public async Task A_token_of_a_pod_that_is_not_there_is_no_use(string pod)
    {
        await using var cluster = await StartAsync();
        var validator = cluster.StartValidator();
        var token = new JsonObject { ["kubernetes.io"] = new JsonObject { ["pod"] = new JsonObject { ["name"] = pod } } }.ToJsonString();
        cluster.Server.Tokens.ReviewAs(token, JsonNode.Parse("""{"authenticated":true,"user":{"username":"system:serviceaccount:apps:default"}}""")!.AsObject());
        Assert.Equal("failed to get pod of identity", await RefusalAsync(validator, Request(pod.Replace('.', '-'), "apps", token)));
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.Resource == "secrets");
    }

    [Fact]
    public async Task Namespace_and_account_must_be_those_of_the_token()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a", "account-1");
        cluster.PutPod("other", "a", "account-1");
        var validator = cluster.StartValidator();

        Assert.Equal("namespace mismatch; received namespace: other", await RefusalAsync(validator, Request("a", "other", cluster.Token("apps", "a", "account-1"))));
        Assert.Equal("pod service account mismatch", await RefusalAsync(validator, Request("a", "apps", cluster.Token("apps", "a", "account-2"))));
    }

    [Fact]
    public async Task The_id_of_another_pod_is_refused_for_the_first_reason_that_applies()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a", annotations: ("dapr.io/app-id", "app-a"));
        cluster.PutPod("apps", "b", annotations: ("dapr.io/app-id", "app-b"));
        var validator = cluster.StartValidator();
        Assert.Equal("app-id mismatch. expected: app-a, received: app-b", await RefusalAsync(validator, Request("app-b", "apps", cluster.Token("apps", "a"))));
        Assert.Equal("app-id mismatch. expected: app-a, received: dapr-operator", await RefusalAsync(validator, Request("dapr-operator", "apps", cluster.Token("apps", "a"))));
        Assert.Equal("namespace mismatch; received namespace: else", await RefusalAsync(validator, Request("app-b", "else", cluster.Token("apps", "a", "wrong"))));
    }

    [Theory]
    [InlineData("operator")]
    [InlineData("placement")]
    [InlineData("injector")]
    [InlineData("sentry")]
    [InlineData("scheduler")]
    public async Task Services_of_the_control_plane_are_in_its_trust_domain(string service)
    {
        await using var cluster = await StartAsync();
        cluster.PutTrustDomain(Namespace, "elsewhere", "apps.example");
        cluster.PutPod(Namespace, $"{service}-7f", $"dapr-{service}", ("dapr.io/control-plane", service), ("dapr.io/config", "elsewhere"));
        var validator = cluster.StartValidator();
        var token = cluster.Token(Namespace, $"{service}-7f", $"dapr-{service}");

        Assert.Equal("cluster.local", (await validator.ValidateAsync(Request($"dapr-{service}", Namespace, token, "public"), Stop)).TrustDomain);
        Assert.Equal($"app-id mismatch. expected: dapr-{service}, received: any", await RefusalAsync(validator, Request("any", Namespace, token)));
    }

    [Theory]
    [InlineData("apps", "operator", null, "control plane service in namespace 'apps' is not allowed")]
    [InlineData("apps", "nonsense", "x", "control plane service in namespace 'apps' is not allowed")]
    [InlineData(Namespace, "nonsense", "x", "unknown control plane service 'pod-1'")]
    [InlineData(Namespace, "", null, "unknown control plane service 'pod-1'")]
    [InlineData(Namespace, "dapr-operator", null, "unknown control plane service 'pod-1'")]
    [InlineData(Namespace, "operator", "x", "control plane service 'pod-1' cannot have annotation 'dapr.io/app-id'")]
    [InlineData(Namespace, null, "dapr-operator", "app-id 'dapr-operator' is reserved for the control plane")]
    public async Task Nobody_else_passes_for_a_service_of_the_control_plane(string @namespace, string? service, string? appId, string refusal)
    {
        await using var cluster = await StartAsync();
        List<(string, string)> annotations = [];
        if (service is not null)
        {
            annotations.Add(("dapr.io/control-plane", service));
        }

        if (appId is not null)
        {
            annotations.Add(("dapr.io/app-id", appId));
        }

        cluster.PutPod(@namespace, "pod-1", annotations: [.. annotations]);
        var validator = cluster.StartValidator();
        Assert.Equal(refusal, await RefusalAsync(validator, Request("dapr-operator", @namespace, cluster.Token(@namespace, "pod-1"))));
    }

    [Fact]
    public async Task The_trust_domain_is_that_of_the_pods_Configuration_in_its_own_namespace()
    {
        await using var cluster = await StartAsync();
        cluster.PutTrustDomain("apps", "mine", "apps.example");
        cluster.PutTrustDomain("apps", "bad", "Not Good");
        cluster.PutTrustDomain("other", "foreign", "stolen.example");
        cluster.PutConfiguration("apps", "silent", []);
        foreach (var config in (string[])["mine", "bad", "foreign", "silent", ""])
        {
            cluster.PutPod("apps", $"pod-{config}", annotations: ("dapr.io/config", config));
        }

        var validator = cluster.StartValidator();
        Task<string> Grant(string pod) => Task.Run(async () => (await validator.ValidateAsync(Request(pod, "apps", cluster.Token("apps", pod), "stolen.example"), Stop)).TrustDomain);
        Task<string> Refuse(string pod) => RefusalAsync(validator, Request(pod, "apps", cluster.Token("apps", pod)));

        Assert.Equal("apps.example", await Grant("pod-mine"));
        Assert.Equal("public", await Grant("pod-silent"));
        Assert.StartsWith("failed to parse trust domain \"Not Good\": trust domain characters are limited", await Refuse("pod-bad"), StringComparison.Ordinal);
        Assert.Equal("failed to get configuration", await Refuse("pod-foreign"));
        Assert.Equal("failed to get configuration", await Refuse("pod-"));
    }

    [Fact]
    public async Task A_Configuration_counts_as_soon_as_it_is_there()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a", annotations: ("dapr.io/config", "late"));
        // The copy never learns of it: the watch hangs.
        cluster.Server.Faults.Hold("watch", "configurations.dapr.io");
        var validator = cluster.StartValidator();
        await Eventually.TrueAsync(() => validator.IsReady, "the lists are read");
        cluster.PutTrustDomain("apps", "late", "late.example");

        Assert.Equal("late.example", (await validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop)).TrustDomain);
    }

    [Fact]
    public async Task A_request_that_comes_too_early_waits()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var gate = cluster.Server.Faults.Hold("list", "pods");
        var validator = cluster.StartValidator();
        await Eventually.TrueAsync(() => gate.Waiting == 1, "the pods are asked for");
        Assert.False(validator.IsReady);

        using var impatient = new CancellationTokenSource();
        var given = validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), impatient.Token).AsTask();
        var patient = validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop).AsTask();
        await impatient.CancelAsync();
        Assert.Equal("validator not ready", (await Assert.ThrowsAsync<ValidationException>(() => given)).Message);
        Assert.False(patient.IsCompleted);

        gate.Open();
        Assert.Equal("public", (await patient).TrustDomain);
        Assert.True(validator.IsReady);
    }

    [Fact]
    public async Task It_works_with_the_roles_of_the_chart_and_says_which_verb_is_missing_otherwise()
    {
        await using var cluster = await StartAsync();
        cluster.Server.Access.Deny("watch", "configurations.dapr.io");
        cluster.PutPod("apps", "a", annotations: ("dapr.io/config", "c"));
        cluster.PutTrustDomain("apps", "c", "one.example");
        var validator = cluster.StartValidator();

        Assert.Equal("one.example", (await validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop)).TrustDomain);
        await Eventually.TrueAsync(
            () => cluster.Log.Lines.Any(l => l.Text.Contains("a role must allow 'watch' on 'configurations.dapr.io'", StringComparison.Ordinal)), "the log names the verb");
        Assert.All(cluster.Server.Faults.Requests, r => Assert.Equal(User, r.User));
    }

    [Fact]
    public async Task Only_metadata_of_pods_are_watched()
    {
        await using var cluster = await StartAsync();
        var validator = cluster.StartValidator();
        await Eventually.TrueAsync(() => validator.IsReady && cluster.Server.OpenWatches == 2, "all is watched");
        Assert.All(
            cluster.Server.Faults.Requests.Where(r => r.Resource == "pods"), r => Assert.Contains("as=PartialObjectMetadata", r.Accept, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_review_is_remembered_until_the_pod_changes()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        await Eventually.TrueAsync(() => validator.IsReady && cluster.Server.OpenWatches == 2, "all is watched");
        var token = cluster.Token("apps", "a");
        await validator.ValidateAsync(Request("a", "apps", token), Stop);
        await validator.ValidateAsync(Request("a", "apps", token), Stop);
        Assert.Equal(1, cluster.Server.Faults.Count("create", Reviews));
        Assert.Equal(2, cluster.Server.Faults.Count("get", "pods"));

        cluster.Server.Objects.Change("pods", "apps", "a", p => p["metadata"]!["annotations"] = new JsonObject { ["dapr.io/app-id"] = "new" });
        await Eventually.TrueAsync(
            async () =>
            {
                await validator.ValidateAsync(Request("new", "apps", token), Stop);
                return cluster.Server.Faults.Count("create", Reviews) > 1;
            },
            "it is reviewed again");
    }

    [Fact]
    public async Task A_remembered_review_is_no_use_to_the_next_pod_of_the_same_name()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        // No event ever comes: the memory has to find out by itself.
        cluster.Server.Faults.Hold("watch", "pods");
        var validator = cluster.StartValidator();
        var old = cluster.Token("apps", "a");
        await validator.ValidateAsync(Request("a", "apps", old), Stop);

        cluster.Server.Objects.Delete("pods", "apps", "a");
        Assert.Equal("failed to get pod of identity", await RefusalAsync(validator, Request("a", "apps", old)));
        cluster.PutPod("apps", "a");
        Assert.Equal("invalid token: [invalid bearer token, service account token has been invalidated]", await RefusalAsync(validator, Request("a", "apps", old)));
        await validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop);
    }

    [Fact]
    public async Task No_token_is_ever_in_the_log()
    {
        await using var cluster = await StartAsync();
        cluster.PutPod("apps", "a");
        var validator = cluster.StartValidator();
        var token = cluster.Token("apps", "a");
        cluster.Server.Faults.Fail("get", "pods", 500);
        await RefusalAsync(validator, Request("a", "apps", token));
        cluster.Server.Faults.Fail("create", Reviews, 500);
        await RefusalAsync(validator, Request("a", "apps", token));
        Assert.NotEmpty(cluster.Log.Lines);
        Assert.DoesNotContain(cluster.Log.Lines, l => l.Text.Contains(token, StringComparison.Ordinal) || l.Text.Contains(SentryToken, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Images_of_the_pod_are_listed_with_their_digests()
    {
        await using var cluster = await StartAsync();
        cluster.Server.Objects.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"apps"},
             "spec":{"serviceAccountName":"default",
               "initContainers":[{"name":"setup","image":"setup:1"},{"name":"daprd","image":"daprd:1","restartPolicy":"Always"}],
               "containers":[{"name":"app","image":"app+<tag>:1"},{"name":"extra","image":"extra:1"},{"name":"new","image":"new:1"}]},
             "status":{
               "initContainerStatuses":[{"name":"daprd","imageID":"docker-pullable://x@y/daprd@sha256:11"}],
               "containerStatuses":[{"name":"app","imageID":"sha256:22"},{"name":"extra","imageID":"extra:1"}]}}
            """);
        var validator = cluster.StartValidator();
        var granted = await validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop);
        Assert.Equal(
            """[{"role":"daprd","containerName":"daprd","image":"daprd:1","digest":"sha256:11"},{"role":"app","containerName":"app","image":"app+<tag>:1","digest":"sha256:22"},{"role":"app","containerName":"extra","image":"extra:1"},{"role":"app","containerName":"new","image":"new:1"}]""",
            Encoding.UTF8.GetString(granted.ContainerImages.Span));
    }

    [Fact]
    public async Task Images_are_listed_before_the_kubelet_has_told_of_the_pod()
    {
        await using var cluster = await StartAsync();
        cluster.Server.Objects.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"apps"},
             "spec":{"serviceAccountName":"default","containers":[{"name":"app","image":"app:1"}]}}
            """);
        var validator = cluster.StartValidator();
        var granted = await validator.ValidateAsync(Request("a", "apps", cluster.Token("apps", "a")), Stop);
        Assert.Equal("""[{"role":"app","containerName":"app","image":"app:1"}]""", Encoding.UTF8.GetString(granted.ContainerImages.Span));
    }
}
