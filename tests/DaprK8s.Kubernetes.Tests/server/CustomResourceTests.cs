using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>Definitions of custom resources in the test API server, and what they make of their objects.</summary>
public sealed class CustomResourceTests : IAsyncLifetime
{
    private const string Things = "/apis/example.org/v1/namespaces/default/things";

    private const string Definition = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: things.example.org}
        spec:
          group: example.org
          scope: Namespaced
          names: {plural: things, kind: Thing, shortNames: [th], categories: [all]}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
            additionalPrinterColumns:
            - {name: Mode, type: string, jsonPath: .spec.mode}
            - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
            - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
            schema:
              openAPIV3Schema:
                type: object
                required: [spec]
                properties:
                  spec:
                    type: object
                    required: [mode]
                    properties:
                      mode: {type: string, enum: [fast, slow], description: How it goes about it.}
                      name: {type: string, minLength: 2, maxLength: 4, pattern: '^[a-z]+$'}
                      count: {type: integer, minimum: 1, maximum: 5, default: 2}
                      port: {x-kubernetes-int-or-string: true}
                      free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                      maybe: {type: string, nullable: true}
                      tags: {type: array, maxItems: 2, x-kubernetes-list-type: set, items: {type: string}}
                      env:
                        type: array
                        x-kubernetes-list-type: map
                        x-kubernetes-list-map-keys: [name]
                        items: {type: object, required: [name], properties: {name: {type: string}, value: {type: string}}}
                      one:
                        type: object
                        properties: {http: {type: object, properties: {a: {type: string}}}, sse: {type: object, properties: {a: {type: string}}}}
                        x-kubernetes-validations:
                        - rule: "(has(self.http) ? 1 : 0) + (has(self.sse) ? 1 : 0) == 1"
                          message: exactly one of http or sse must be set
                  status: {type: object, x-kubernetes-preserve-unknown-fields: true}
        """;

    private ToolCluster cluster = null!;
    private ApiClient api = null!;

    private ClusterTool Kubectl => cluster.Kubectl;

    public async ValueTask InitializeAsync()
    {
        cluster = await ToolCluster.StartAsync();
        api = new ApiClient(cluster.Server);
        await Kubectl.FeedAsync(Definition, "apply", "-f", "-");
    }

    public async ValueTask DisposeAsync()
    {
        api.Dispose();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task A_definition_is_in_force_and_its_kind_is_found_by_all_its_names()
    {
        await Kubectl.RunAsync("wait", "--for=condition=Established", "crd/things.example.org", "--timeout=30s");
        await Kubectl.FeedAsync(Thing("a", "mode: fast"), "apply", "-f", "-");
        await api.SendAsync(HttpMethod.Patch, $"{Things}/a/status", """{"status":{"conditions":[{"type":"Other","status":"x"},{"type":"Ready","status":"True"}]}}""", HttpStatusCode.OK, "application/merge-patch+json");
        Assert.Matches(@"NAME\s+MODE\s+READY\s+AGE\na\s+fast\s+True\s+\d+s", await Kubectl.RunAsync("get", "th"));
        Assert.Contains("thing.example.org/a", await Kubectl.RunAsync("get", "all", "-o", "name"), StringComparison.Ordinal);
        Assert.Contains("How it goes about it.", await Kubectl.RunAsync("explain", "thing.spec.mode"), StringComparison.Ordinal);
        await Kubectl.RunAsync("scale", "thing/a", "--replicas=3");
        Assert.Equal(3, (int)(await api.GetAsync($"{Things}/a"))["spec"]!["count"]!);
        await Kubectl.RunAsync("delete", "crd", "things.example.org");
        await api.GetAsync(Things, HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Defaults_are_filled_in_and_unknown_fields_removed()
    {
        var made = await api.PostAsync(Things, """{"apiVersion":"example.org/v1","kind":"Thing","metadata":{"name":"a"},"spec":{"mode":"fast","other":1,"free":{"any":[1]},"maybe":null},"status":{"x":1}}""");
        Assert.Equal("""{"mode":"fast","free":{"any":[1]},"maybe":null,"count":2}""", made["spec"]!.ToJsonString());
        Assert.Null(made["status"]);
        Assert.Equal(["299 - \"unknown field \\\"spec.other\\\"\""], api.Warnings);
        Assert.Equal(1, (int)made["metadata"]!["generation"]!);
        var byStatus = await api.PutAsync($"{Things}/a/status", """{"metadata":{"name":"a","resourceVersion":"RV"},"status":{"y":1}}""".Replace("RV", (string?)made["metadata"]!["resourceVersion"], StringComparison.Ordinal));
        Assert.Equal("""{"y":1}""", byStatus["status"]!.ToJsonString());
        Assert.Equal(1, (int)byStatus["metadata"]!["generation"]!);
        Assert.Equal(2, (int)(await api.MergeAsync($"{Things}/a", """{"spec":{"mode":"slow"}}"""))["metadata"]!["generation"]!);
    }

    [Theory]
    [InlineData("mode: wild", "spec.mode: Unsupported value: \"wild\": supported values: \"fast\", \"slow\"")]
    [InlineData("count: 3", "spec.mode: Required value")]
    [InlineData("mode: 1", "spec.mode in body must be of type string: \"integer\"")]
    [InlineData("mode: fast, name: x", "spec.name in body should be at least 2 chars long")]
    [InlineData("mode: fast, name: abcde", "spec.name: Too long")]
    [InlineData("mode: fast, name: A1", "spec.name in body should match '^[a-z]+$'")]
    [InlineData("mode: fast, count: 9", "spec.count in body should be less than or equal to 5")]
    [InlineData("mode: fast, port: true", "spec.port in body must be of type integer,string")]
    [InlineData("mode: fast, tags: [a, b, c]", "spec.tags: Too many: 3: must have at most 2 items")]
    [InlineData("mode: fast, tags: [a, a]", "spec.tags[1]: Duplicate value: \"a\"")]
    [InlineData("mode: fast, env: [{name: a}, {name: a}]", "spec.env[1]: Duplicate value")]
    [InlineData("mode: fast, one: {http: {a: x}, sse: {a: x}}", "spec.one: Invalid value: \"object\": exactly one of http or sse must be set")]
    [InlineData("mode: fast, one: {}", "exactly one of http or sse must be set")]
    public async Task What_the_schema_does_not_allow_is_refused(string spec, string problem)
    {
        var refused = await Kubectl.TryRunAsync(Thing("a", spec), "apply", "-f", "-");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("The Thing \"a\" is invalid", refused.Error, StringComparison.Ordinal);
        Assert.Contains(problem, refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_fields_are_refused_when_asked_strictly()
    {
        var refused = await Kubectl.TryRunAsync(Thing("a", "mode: fast, moode: slow"), "apply", "-f", "-");
        Assert.Contains("strict decoding error: unknown field \"spec.moode\"", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_of_a_rule_is_met_even_by_an_empty_object()
        => await Kubectl.FeedAsync(Thing("a", "mode: fast, one: {sse: {}}"), "apply", "-f", "-");

    [Fact]
    public async Task Lists_with_keys_merge_by_item_in_server_side_apply()
    {
        await api.ApplyAsync($"{Things}/a", "one", Applied("""{"mode":"fast","env":[{"name":"A","value":"1"}],"tags":["x"]}"""), HttpStatusCode.Created);
        await api.ApplyAsync($"{Things}/a", "two", Applied("""{"env":[{"name":"B","value":"2"}],"tags":["y"]}"""));
        var both = await api.GetAsync($"{Things}/a");
        Assert.Equal("A B", string.Join(' ', both["spec"]!["env"]!.AsArray().Select(e => (string?)e!["name"]).Order()));
        Assert.Equal("x y", string.Join(' ', both["spec"]!["tags"]!.AsArray().Select(t => (string?)t).Order()));

        await api.ApplyAsync($"{Things}/a", "one", Applied("""{"mode":"fast","tags":["x"]}"""));
        Assert.Equal("B", string.Join(' ', (await api.GetAsync($"{Things}/a"))["spec"]!["env"]!.AsArray().Select(e => (string?)e!["name"])));
        var refused = await api.ApplyAsync($"{Things}/a", "two", Applied("""{"mode":"slow"}"""), HttpStatusCode.Conflict);
        Assert.Equal("Apply failed with 1 conflict: conflict with \"one\": .spec.mode", (string?)refused["message"]);
        Assert.Equal("FieldManagerConflict", (string?)refused["details"]!["causes"]![0]!["reason"]);
        await api.ApplyAsync($"{Things}/a", "two", Applied("""{"mode":"slow"}"""), force: true);
        Assert.Equal("slow", (string?)(await api.GetAsync($"{Things}/a"))["spec"]!["mode"]);
    }

    [Fact]
    public async Task Versions_are_converted_by_a_webhook()
    {
        await using var hook = await WebhookServer.StartAsync("hook.default.svc");
        cluster.Server.Services.Register("default", "hook", 443, hook.Endpoint);
        // v1 has "route", v2 has "routes.default".
        hook.Answers["/convert"] = request => new JsonObject
        {
            ["result"] = new JsonObject { ["status"] = "Success" },
            ["convertedObjects"] = new JsonArray([.. request["objects"]!.AsArray().Select(o => Converted(o!.DeepClone().AsObject(), (string)request["desiredAPIVersion"]!))]),
        };
        await Kubectl.FeedAsync(
            """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: links.example.org}
            spec:
              group: example.org
              scope: Namespaced
              names: {plural: links, kind: Link}
              conversion:
                strategy: Webhook
                webhook: {conversionReviewVersions: [v1], clientConfig: {caBundle: AUTHORITY, service: {namespace: default, name: hook, path: /convert}}}
              versions:
              - {name: v1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {route: {type: string}}}}}}}
              - {name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {routes: {type: object, properties: {default: {type: string}}}}}}}}}
            """.Replace("AUTHORITY", hook.CaBundle, StringComparison.Ordinal),
            "apply",
            "-f",
            "-");
        const string v1 = "/apis/example.org/v1/namespaces/default/links";
        const string v2 = "/apis/example.org/v2/namespaces/default/links";
        var made = await api.PostAsync(v1, """{"apiVersion":"example.org/v1","kind":"Link","metadata":{"name":"l"},"spec":{"route":"/x"}}""");
        Assert.Equal("/x", (string?)made["spec"]!["route"]);
        Assert.Equal("/x", (string?)(await api.GetAsync($"{v2}/l"))["spec"]!["routes"]!["default"]);
        await api.MergeAsync($"{v2}/l", """{"spec":{"routes":{"default":"/y"}}}""");
        var listed = await api.GetAsync(v1);
        Assert.Equal("/y", (string?)listed["items"]![0]!["spec"]!["route"]);
        Assert.Equal("example.org/v1", (string?)listed["items"]![0]!["apiVersion"]);
        // A webhook that knows the other version only is asked in that one.
        hook.Answers["/validate"] = _ => new JsonObject { ["allowed"] = true };
        cluster.Server.Objects.Put("""
            {"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"hook"},"webhooks":[{"name":"hook.test.io",
             "sideEffects":"None","admissionReviewVersions":["v1"],"clientConfig":{"caBundle":"AUTHORITY","service":{"namespace":"default","name":"hook","path":"/validate"}},
             "rules":[{"apiGroups":["example.org"],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["links"]}]}]}
            """.Replace("AUTHORITY", hook.CaBundle, StringComparison.Ordinal));
        await api.MergeAsync($"{v2}/l", """{"spec":{"routes":{"default":"/z"}}}""");
        var asked = hook.Reviews.Last(r => (string?)r["kind"] == "AdmissionReview")["request"]!;
        Assert.Equal("/z", (string?)asked["object"]!["spec"]!["route"]);
        Assert.Equal("v2", (string?)asked["requestKind"]!["version"]);
        Assert.Contains("example.org/v2", await Kubectl.RunAsync("get", "link", "l", "-o", "yaml"), StringComparison.Ordinal);
    }

    private static JsonObject Converted(JsonObject link, string version)
    {
        link["spec"] = version.EndsWith("v1", StringComparison.Ordinal)
            ? new JsonObject { ["route"] = link["spec"]!["routes"]!["default"]!.DeepClone() }
            : new JsonObject { ["routes"] = new JsonObject { ["default"] = link["spec"]!["route"]!.DeepClone() } };
        link["apiVersion"] = version;
        return link;
    }

    private static string Thing(string name, string spec) => $$"""
        apiVersion: example.org/v1
        kind: Thing
        metadata: {name: {{name}}}
        spec: { {{spec}} }
        """;

    private static string Applied(string spec) => $$"""{"apiVersion":"example.org/v1","kind":"Thing","metadata":{"name":"a"},"spec":{{spec}}}""";
}
