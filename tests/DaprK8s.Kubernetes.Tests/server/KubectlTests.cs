using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>The test API server as people use a cluster: by <c>kubectl</c>.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private const string App = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: app, labels: {app: app}}
        spec:
          selector: {matchLabels: {app: app}}
          template:
            metadata: {labels: {app: app}}
            spec:
              containers:
              - {name: app, image: "web:1", ports: [{containerPort: 80}], env: [{name: A, value: "1"}, {name: B, value: "2"}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: app}
        spec: {selector: {app: app}, ports: [{port: 80}]}
        """;

    private ToolCluster cluster = null!;

    private ClusterTool Kubectl => cluster.Kubectl;

    public async ValueTask InitializeAsync() => cluster = await ToolCluster.StartAsync();

    public async ValueTask DisposeAsync() => await cluster.DisposeAsync();

    [Fact]
    public async Task Kinds_and_the_version_are_discovered()
    {
        cluster.Server.Version = "v1.27.3";
        Assert.Contains("Server Version: v1.27.3", await Kubectl.RunAsync("version"), StringComparison.Ordinal);
        var kinds = await Kubectl.RunAsync("api-resources", "--verbs=list", "-o", "name");
        foreach (var kind in (string[])["pods", "deployments.apps", "jobs.batch", "poddisruptionbudgets.policy", "leases.coordination.k8s.io", "customresourcedefinitions.apiextensions.k8s.io"])
        {
            Assert.Contains(kind, kinds.Split('\n'));
        }
    }

    [Fact]
    public async Task Objects_are_created_by_their_own_commands()
    {
        await Kubectl.RunAsync("create", "namespace", "demo");
        await Kubectl.RunAsync("-n", "demo", "create", "configmap", "m", "--from-literal=a=1");
        await Kubectl.RunAsync("-n", "demo", "create", "secret", "generic", "s", "--from-literal=k=v");
        await Kubectl.RunAsync("-n", "demo", "create", "serviceaccount", "robot");
        await Kubectl.RunAsync("-n", "demo", "create", "deployment", "web", "--image=web:1", "--replicas=0", "--port=80");
        await Kubectl.RunAsync("-n", "demo", "create", "job", "once", "--image=work:1", "--", "run", "fast");
        await Kubectl.RunAsync("-n", "demo", "create", "role", "r", "--verb=get,list", "--resource=pods,deployments.apps");
        await Kubectl.RunAsync("-n", "demo", "create", "rolebinding", "b", "--role=r", "--serviceaccount=demo:robot");
        await Kubectl.RunAsync("-n", "demo", "create", "poddisruptionbudget", "p", "--selector=app=web", "--min-available=50%");

        Assert.Equal("1", await GetAsync("demo", "configmap", "m", "{.data.a}"));
        Assert.Equal("dg==", await GetAsync("demo", "secret", "s", "{.data.k}"));
        Assert.Equal("0 web:1 80 TCP", await GetAsync("demo", "deployment", "web", "{.spec.replicas} {.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].ports[0].containerPort} {.spec.template.spec.containers[0].ports[0].protocol}"));
        Assert.Equal("run fast Never", await GetAsync("demo", "job", "once", "{.spec.template.spec.containers[0].command[0]} {.spec.template.spec.containers[0].command[1]} {.spec.template.spec.restartPolicy}"));
        Assert.Equal("pods", await GetAsync("demo", "role", "r", "{.rules[0].resources[0]}"));
        Assert.Equal("robot", await GetAsync("demo", "rolebinding", "b", "{.subjects[0].name}"));
        Assert.Equal("50%", await GetAsync("demo", "pdb", "p", "{.spec.minAvailable}"));
        Assert.StartsWith("ey", await Kubectl.RunAsync("-n", "demo", "create", "token", "robot", "--audience=x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_by_the_client_merges_what_has_changed()
    {
        Assert.Contains("deployment.apps/app created", await Kubectl.FeedAsync(App, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("deployment.apps/app unchanged", await Kubectl.FeedAsync(App, "apply", "-f", "-"), StringComparison.Ordinal);
        // What somebody else has set stays.
        await Kubectl.RunAsync("set", "env", "deploy/app", "C=3");
        await Kubectl.RunAsync("scale", "deploy/app", "--replicas=4");
        var changed = App.Replace(", {name: B, value: \"2\"}", "", StringComparison.Ordinal).Replace("value: \"1\"", "value: one", StringComparison.Ordinal);
        Assert.Contains("deployment.apps/app configured", await Kubectl.FeedAsync(changed, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.Equal("A=one C=3 4", await GetAsync("default", "deploy", "app", "{range .spec.template.spec.containers[0].env[*]}{.name}={.value} {end}{.spec.replicas}"));
        var diff = await Kubectl.TryRunAsync(App, "diff", "-f", "-");
        Assert.Equal(1, diff.ExitCode);
        Assert.Contains("+        - name: B", diff.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Apply_by_the_server_keeps_to_what_it_owns_and_names_conflicts()
    {
        await Kubectl.FeedAsync(App, "apply", "--server-side", "--field-manager=chart", "-f", "-");
        await Kubectl.RunAsync("annotate", "deploy/app", "who=me");
        await Kubectl.RunAsync("set", "image", "deploy/app", "app=web:2");
        var refused = await Kubectl.TryRunAsync(App, "apply", "--server-side", "--field-manager=chart", "-f", "-");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("Apply failed with 1 conflict: conflict with \"kubectl-set\" using apps/v1", refused.Error, StringComparison.Ordinal);
        Assert.Contains(".spec.template.spec.containers[name=\"app\"].image", refused.Error, StringComparison.Ordinal);

        await Kubectl.FeedAsync(App, "apply", "--server-side", "--field-manager=chart", "--force-conflicts", "-f", "-");
        Assert.Equal("web:1 me", await GetAsync("default", "deploy", "app", "{.spec.template.spec.containers[0].image} {.metadata.annotations.who}"));
        await Kubectl.FeedAsync(
            App.Replace(", env: [{name: A, value: \"1\"}, {name: B, value: \"2\"}]", "", StringComparison.Ordinal),
            "apply", "--server-side", "--field-manager=chart", "-f", "-");
        Assert.Equal("me", await GetAsync("default", "deploy", "app", "{.spec.template.spec.containers[0].env}{.metadata.annotations.who}"));
    }

    [Fact]
    public async Task Apply_by_the_client_is_taken_over_by_apply_by_the_server()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        await Kubectl.FeedAsync(App.Replace("web:1", "web:2", StringComparison.Ordinal), "apply", "--server-side", "-f", "-");
        Assert.Equal("web:2", await GetAsync("default", "deploy", "app", "{.spec.template.spec.containers[0].image}"));
    }

    [Fact]
    public async Task Fields_that_do_not_exist_and_values_of_another_type_are_refused()
    {
        var typo = await Kubectl.TryRunAsync(App.Replace("image:", "imagee:", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.Contains("strict decoding error: unknown field \"spec.template.spec.containers[0].imagee\"", typo.Error, StringComparison.Ordinal);
        var type = await Kubectl.TryRunAsync(App.Replace("containerPort: 80", "containerPort: many", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.Contains("cannot unmarshal string into Go struct field ContainerPort.", type.Error, StringComparison.Ordinal);
        var missing = await Kubectl.TryRunAsync(App.Replace("matchLabels: {app: app}", "matchLabels: {app: other}", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.Contains("The Deployment \"app\" is invalid: spec.template.metadata.labels", missing.Error, StringComparison.Ordinal);
        var warned = await Kubectl.TryRunAsync(App.Replace("spec:\n  selector", "spec:\n  bogus: 1\n  selector", StringComparison.Ordinal), "apply", "--validate=warn", "-f", "-");
        Assert.Equal(0, warned.ExitCode);
        Assert.Contains("Warning: unknown field \"spec.bogus\"", warned.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_change_is_refused()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        var refused = await Kubectl.TryRunAsync(null, "patch", "deploy/app", "-p", """{"spec":{"selector":{"matchLabels":{"app":"other"}},"template":{"metadata":{"labels":{"app":"other"}}}}}""");
        Assert.Contains("field is immutable", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Patches_of_all_types_apply()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        await Kubectl.RunAsync("patch", "deploy/app", "-p", """{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"A","$patch":"delete"},{"name":"C","value":"3"}]},{"name":"second","image":"x"}]}}}}""");
        Assert.Equal("B=2 C=3 app second", await GetAsync("default", "deploy", "app", "{range .spec.template.spec.containers[?(@.name==\"app\")].env[*]}{.name}={.value} {end}{.spec.template.spec.containers[*].name}"));
        await Kubectl.RunAsync("patch", "deploy/app", "--type=json", "-p", """[{"op":"remove","path":"/spec/template/spec/containers/1"}]""");
        await Kubectl.RunAsync("patch", "deploy/app", "--type=merge", "-p", """{"spec":{"paused":true}}""");
        Assert.Equal("app true", await GetAsync("default", "deploy", "app", "{.spec.template.spec.containers[*].name} {.spec.paused}"));
    }

    [Fact]
    public async Task Lists_come_as_tables_that_people_read()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        cluster.Server.Objects.Put("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"app":"app"}},"spec":{"nodeName":"n1","containers":[{"name":"a"},{"name":"b"}]},
             "status":{"phase":"Running","podIP":"10.1.2.3","containerStatuses":[{"name":"a","ready":true,"restartCount":2},{"name":"b","ready":false,"restartCount":0}]}}
            """);
        Assert.Matches(@"NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\napp\s+0/1\s+0\s+0\s+\d+s", await Kubectl.RunAsync("get", "deploy"));
        Assert.Matches(@"p\s+1/2\s+Running\s+2\s+\S+\s+10\.1\.2\.3\s+n1", await Kubectl.RunAsync("get", "pods", "-o", "wide"));
        Assert.Matches(@"p\s+1/2", await Kubectl.RunAsync("get", "pods", "-A", "-l", "app in (app)", "--field-selector=spec.nodeName=n1,status.phase=Running"));
        Assert.Contains("No resources found", (await Kubectl.TryRunAsync(null, "get", "pods", "--field-selector=status.phase=Failed")).Error, StringComparison.Ordinal);
        Assert.Matches(@"app\s+ClusterIP\s+10\.96\.\d+\.\d+\s+<none>\s+80/TCP", await Kubectl.RunAsync("get", "svc"));
        Assert.Contains("pod/p", await Kubectl.RunAsync("get", "all", "-o", "name"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waiting_ends_when_it_is_so()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        var rollout = Kubectl.RunAsync("rollout", "status", "deploy/app", "--timeout=60s");
        var wait = Kubectl.RunAsync("wait", "--for=condition=Available", "deploy/app", "--timeout=60s");
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches >= 2, "both watch");
        cluster.Server.Objects.Change("deployments.apps", "default", "app", d => d["status"] = JsonNode.Parse("""
            {"observedGeneration":1,"replicas":1,"updatedReplicas":1,"readyReplicas":1,"availableReplicas":1,"conditions":[{"type":"Available","status":"True"}]}
            """));
        Assert.Contains("successfully rolled out", await rollout, StringComparison.Ordinal);
        Assert.Contains("condition met", await wait, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_come_from_whoever_runs_the_pod()
    {
        cluster.Server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"a"},{"name":"b"}]},"status":{"phase":"Running"}}""");
        cluster.Server.PodLogs = async (request, output, stop) =>
            await output.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"{request.Pod}/{request.Container} tail={request.TailLines}\n"), stop);
        Assert.Equal("p/b tail=5\n", await Kubectl.RunAsync("logs", "p", "-c", "b", "--tail=5"));
    }

    [Fact]
    public async Task Kinds_are_explained()
    {
        Assert.Contains("FIELD: replicas <integer>", await Kubectl.RunAsync("explain", "deployment.spec.replicas"), StringComparison.Ordinal);
        Assert.Contains("containerPort", await Kubectl.RunAsync("explain", "pod.spec.containers.ports"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Questions_about_access_are_answered()
    {
        Assert.Contains("kubernetes-admin", await Kubectl.RunAsync("auth", "whoami"), StringComparison.Ordinal);
        cluster.Server.Access.UsesStoredRoles = true;
        Assert.Equal("yes\n", await Kubectl.RunAsync("auth", "can-i", "delete", "pods"));
        Assert.Equal("no\n", (await Kubectl.TryRunAsync(null, "auth", "can-i", "delete", "pods", "--as=system:serviceaccount:default:robot")).Output);
    }

    [Fact]
    public async Task A_deletion_waits_until_it_has_happened()
    {
        await Kubectl.FeedAsync(App, "apply", "-f", "-");
        await Kubectl.RunAsync("patch", "svc/app", "-p", """{"metadata":{"finalizers":["test/hold"]}}""");
        var delete = Kubectl.RunAsync("delete", "svc/app");
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches >= 1, "kubectl waits");
        Assert.False(delete.IsCompleted);
        await Kubectl.RunAsync("patch", "svc/app", "--type=merge", "-p", """{"metadata":{"finalizers":null}}""");
        Assert.Contains("\"app\" deleted", await delete, StringComparison.Ordinal);
        await Kubectl.RunAsync("delete", "deploy", "-l", "app=app", "--cascade=foreground");
        Assert.Empty(cluster.Server.Objects.List("deployments.apps"));
    }

    private Task<string> GetAsync(string @namespace, string kind, string name, string path)
        => Kubectl.RunAsync("-n", @namespace, "get", kind, name, "-o", "jsonpath=" + path);
}
