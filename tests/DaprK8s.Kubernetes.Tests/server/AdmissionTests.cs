using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>Admission webhooks of the test API server: who is asked about what, and what the answers do.</summary>
public sealed class AdmissionTests : IAsyncLifetime
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string Pod = """{"metadata":{"name":"p","annotations":{ANNOTATIONS}},"spec":{"containers":[{"name":"a","image":"a"}]}}""";

    private KubernetesApiServer server = null!;
    private WebhookServer hook = null!;
    private ApiClient api = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        hook = await WebhookServer.StartAsync("hook.default.svc");
        server.Services.Register("default", "hook", 443, hook.Endpoint);
        api = new ApiClient(server);
    }

    public async ValueTask DisposeAsync()
    {
        api.Dispose();
        await hook.DisposeAsync();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_mutating_webhook_changes_what_is_stored_and_sees_who_asks()
    {
        hook.Answers["/mutate"] = _ => Patch("""[{"op":"add","path":"/data","value":{"added":"yes"}}]""");
        Configure("Mutating", "configmaps");
        server.Objects.Put("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"robot"}}""");
        using var robot = new ApiClient(server, server.Tokens.IssueForAccount("default", "robot", TimeSpan.FromHours(1)));
        var created = await robot.PostAsync(Maps, """{"metadata":{"name":"m"}}""");
        Assert.Equal("yes", (string?)created["data"]!["added"]);
        var request = hook.Reviews.Single()["request"]!;
        Assert.Equal("CREATE", (string?)request["operation"]);
        Assert.Equal("system:serviceaccount:default:robot", (string?)request["userInfo"]!["username"]);
        Assert.Contains("system:serviceaccounts:default", request["userInfo"]!["groups"]!.AsArray().Select(g => (string?)g));
        Assert.Equal("""{"group":"","version":"v1","resource":"configmaps"}""", request["resource"]!.ToJsonString());
        Assert.Null(request["oldObject"]);
    }

    [Fact]
    public async Task A_validating_webhook_refuses_with_its_words_and_warns()
    {
        hook.Answers["/validate"] = r => (string?)r["object"]?["data"]?["a"] == "bad"
            ? new JsonObject { ["allowed"] = false, ["status"] = new JsonObject { ["code"] = 403, ["message"] = "a is bad" } }
            : new JsonObject { ["allowed"] = true, ["warnings"] = new JsonArray("better not") };
        Configure("Validating", "configmaps");
        var refused = await api.PostAsync(Maps, """{"metadata":{"name":"m"},"data":{"a":"bad"}}""", HttpStatusCode.Forbidden);
        Assert.Equal("admission webhook \"hook.test.io\" denied the request: a is bad", (string?)refused["message"]);
        await api.GetAsync($"{Maps}/m", HttpStatusCode.NotFound);
        await api.PostAsync(Maps, """{"metadata":{"name":"m"}}""");
        Assert.Equal(["299 - \"better not\""], api.Warnings);
        await api.MergeAsync($"{Maps}/m", """{"data":{"a":"bad"}}""", HttpStatusCode.Forbidden);
        Assert.Equal("UPDATE", (string?)hook.Reviews.Last()["request"]!["operation"]);
        Assert.NotNull(hook.Reviews.Last()["request"]!["oldObject"]);
    }

    [Theory]
    [InlineData("\"dapr.io/enabled\":\"True\"", 1)]
    [InlineData("\"dapr.io/enabled\":\"false\"", 0)]
    [InlineData("\"other\":\"x\"", 0)]
    [InlineData("", 0)]
    public async Task Match_conditions_decide_who_is_asked(string annotations, int asked)
    {
        hook.Answers["/mutate"] = _ => new JsonObject { ["allowed"] = true };
        Configure("Mutating", "pods", more: """
            ,"matchConditions":[{"name":"enabled","expression":"has(object.metadata.annotations) && 'dapr.io/enabled' in object.metadata.annotations && object.metadata.annotations['dapr.io/enabled'].lowerAscii() == 'true'"}]
            """);
        await api.PostAsync(Pods, Pod.Replace("ANNOTATIONS", annotations, StringComparison.Ordinal));
        Assert.Equal(asked, hook.Reviews.Count);
    }

    [Theory]
    [InlineData(""","namespaceSelector":{"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"NotIn","values":["default"]}]}""", 0)]
    [InlineData(""","namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"default"}}""", 1)]
    [InlineData(""","objectSelector":{"matchLabels":{"x":"1"}}""", 1)]
    [InlineData(""","objectSelector":{"matchLabels":{"x":"2"}}""", 0)]
    public async Task Selectors_decide_who_is_asked(string selector, int asked)
    {
        hook.Answers["/validate"] = _ => new JsonObject { ["allowed"] = true };
        Configure("Validating", "configmaps", more: selector);
        await api.PostAsync(Maps, """{"metadata":{"name":"m","labels":{"x":"1"}}}""");
        Assert.Equal(asked, hook.Reviews.Count);
    }

    [Fact]
    public async Task A_webhook_that_cannot_be_reached_stops_the_write_or_does_not_as_its_policy_says()
    {
        Configure("Mutating", "configmaps", service: "absent");
        var failed = await api.PostAsync(Maps, """{"metadata":{"name":"m"}}""", HttpStatusCode.InternalServerError);
        Assert.Contains("failed calling webhook \"hook.test.io\": failed to call webhook: Post \"https://absent.default.svc:443/mutate?timeout=5s\"", (string?)failed["message"], StringComparison.Ordinal);
        Configure("Mutating", "configmaps", service: "absent", more: ""","failurePolicy":"Ignore" """);
        await api.PostAsync(Maps, """{"metadata":{"name":"m"}}""");
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_not_trusted()
    {
        hook.Answers["/mutate"] = _ => new JsonObject { ["allowed"] = true };
        await using var other = await WebhookServer.StartAsync("hook.default.svc");
        Configure("Mutating", "configmaps", authority: other.CaBundle);
        var failed = await api.PostAsync(Maps, """{"metadata":{"name":"m"}}""", HttpStatusCode.InternalServerError);
        Assert.Contains("x509", (string?)failed["message"], StringComparison.Ordinal);
        Assert.Empty(hook.Reviews);
    }

    [Fact]
    public async Task A_webhook_is_asked_again_when_a_later_one_has_changed_the_object()
    {
        hook.Answers["/mutate"] = r => r["object"]!["data"]!["b"] is null ? new JsonObject { ["allowed"] = true } : Patch("""[{"op":"add","path":"/data/a","value":"saw b"}]""");
        hook.Answers["/later"] = _ => Patch("""[{"op":"add","path":"/data/b","value":"1"}]""");
        await api.PostAsync("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", $$"""
            {"metadata":{"name":"two"},"webhooks":[
             {{Webhook("first.test.io", "configmaps", "/mutate", "hook", hook.CaBundle, ""","reinvocationPolicy":"IfNeeded" """)}},
             {{Webhook("later.test.io", "configmaps", "/later", "hook", hook.CaBundle, "")}}]}
            """);
        var created = await api.PostAsync(Maps, """{"metadata":{"name":"m"},"data":{}}""");
        Assert.Equal("""{"b":"1","a":"saw b"}""", created["data"]!.ToJsonString());
    }

    [Fact]
    public async Task A_deletion_can_be_refused()
    {
        hook.Answers["/validate"] = _ => new JsonObject { ["allowed"] = false };
        server.Objects.Put("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""");
        server.Objects.Put($$"""
            {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"hook"},"webhooks":[
             {{Webhook("hook.test.io", "configmaps", "/validate", "hook", hook.CaBundle, "").Replace("\"CREATE\",\"UPDATE\"", "\"DELETE\"", StringComparison.Ordinal)}}]}
            """);
        var refused = await api.DeleteAsync($"{Maps}/m", null, HttpStatusCode.BadRequest);
        Assert.Equal("admission webhook \"hook.test.io\" denied the request without explanation", (string?)refused["message"]);
        Assert.Equal("DELETE", (string?)hook.Reviews.Single()["request"]!["operation"]);
        Assert.NotNull(hook.Reviews.Single()["request"]!["oldObject"]);
        await api.GetAsync($"{Maps}/m");
    }

    [Fact]
    public async Task A_dry_run_asks_too_and_says_so()
    {
        hook.Answers["/validate"] = _ => new JsonObject { ["allowed"] = true };
        Configure("Validating", "configmaps");
        await api.PostAsync($"{Maps}?dryRun=All", """{"metadata":{"name":"m"}}""");
        Assert.True((bool)hook.Reviews.Single()["request"]!["dryRun"]!);
        await api.GetAsync($"{Maps}/m", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Writes_in_process_ask_as_whoever_they_are_for()
    {
        hook.Answers["/mutate"] = _ => Patch("""[{"op":"add","path":"/metadata/labels","value":{"seen":"yes"}}]""");
        Configure("Mutating", "pods");
        var pod = JsonNode.Parse(Pod.Replace("ANNOTATIONS", "", StringComparison.Ordinal))!.AsObject();
        pod["apiVersion"] = "v1";
        pod["kind"] = "Pod";
        var created = await server.Objects.CreateAsAsync(pod, "system:serviceaccount:kube-system:replicaset-controller", TestContext.Current.CancellationToken);
        Assert.Equal("yes", created.GetProperty("metadata").GetProperty("labels").GetProperty("seen").GetString());
        Assert.Equal("system:serviceaccount:kube-system:replicaset-controller", (string?)hook.Reviews.Single()["request"]!["userInfo"]!["username"]);
    }

    private static JsonObject Patch(string patch) => new()
    {
        ["allowed"] = true,
        ["patchType"] = "JSONPatch",
        ["patch"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(patch)),
    };

    private void Configure(string kind, string resource, string service = "hook", string? authority = null, string more = "")
        => server.Objects.Put($$"""
            {"apiVersion":"admissionregistration.k8s.io/v1","kind":"{{kind}}WebhookConfiguration","metadata":{"name":"hook"},"webhooks":[
             {{Webhook("hook.test.io", resource, kind == "Mutating" ? "/mutate" : "/validate", service, authority ?? hook.CaBundle, more)}}]}
            """);

    private static string Webhook(string name, string resource, string path, string service, string authority, string more) => $$$"""
        {"name":"{{{name}}}","sideEffects":"None","admissionReviewVersions":["v1"],"timeoutSeconds":5,
         "clientConfig":{"caBundle":"{{{authority}}}","service":{"namespace":"default","name":"{{{service}}}","path":"{{{path}}}"}},
         "rules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["{{{resource}}}"]}]{{{more}}}}
        """;
}
