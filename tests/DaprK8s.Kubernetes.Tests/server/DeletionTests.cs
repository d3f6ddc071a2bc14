using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>How objects go in the test API server: time for pods, finalizers, owners, namespaces.</summary>
public sealed class DeletionTests : IAsyncLifetime
{
    private const string Core = "/api/v1/namespaces/default";
    private const string Apps = "/apis/apps/v1/namespaces/default";

    private KubernetesApiServer server = null!;
    private ApiClient api = null!;

    public async ValueTask InitializeAsync()
    {
        server = await KubernetesApiServer.StartAsync(new KubernetesApiOptions());
        api = new ApiClient(server);
    }

    public async ValueTask DisposeAsync()
    {
        api.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_pod_on_a_node_has_its_time_and_the_node_ends_it()
    {
        var pod = """{"metadata":{"name":"p"},"spec":{"nodeName":"n","terminationGracePeriodSeconds":20,"containers":[{"name":"a","image":"a"}]}}""";
        await api.PostAsync($"{Core}/pods", pod);
        var marked = await api.DeleteAsync($"{Core}/pods/p");
        Assert.Equal(20, (int)marked["metadata"]!["deletionGracePeriodSeconds"]!);
        Assert.NotNull(marked["metadata"]!["deletionTimestamp"]);
        await api.DeleteAsync($"{Core}/pods/p", """{"gracePeriodSeconds":0}""");
        await api.GetAsync($"{Core}/pods/p", HttpStatusCode.NotFound);

        await api.PostAsync($"{Core}/pods", pod.Replace("\"nodeName\":\"n\",", "", StringComparison.Ordinal));
        await api.DeleteAsync($"{Core}/pods/p");
        await api.GetAsync($"{Core}/pods/p", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Finalizers_hold_an_object_and_preconditions_protect_it()
    {
        await api.PostAsync($"{Core}/configmaps", """{"metadata":{"name":"m","finalizers":["a/b"]}}""");
        await api.DeleteAsync($"{Core}/configmaps/m", """{"preconditions":{"uid":"other"}}""", HttpStatusCode.Conflict);
        await api.DeleteAsync($"{Core}/configmaps/m");
        Assert.NotNull((await api.GetAsync($"{Core}/configmaps/m"))["metadata"]!["deletionTimestamp"]);
        await api.MergeAsync($"{Core}/configmaps/m", """{"metadata":{"finalizers":null}}""");
        await api.GetAsync($"{Core}/configmaps/m", HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("Background", false)]
    [InlineData("Foreground", false)]
    [InlineData("Orphan", true)]
    public async Task What_an_object_owns_goes_with_it_or_stays(string policy, bool stays)
    {
        var owner = await api.PostAsync($"{Core}/configmaps", """{"metadata":{"name":"owner"}}""");
        await OwnAsync("child", owner);
        await OwnAsync("grandchild", await api.GetAsync($"{Core}/secrets/child"));
        await api.DeleteAsync($"{Core}/configmaps/owner", $$"""{"propagationPolicy":"{{policy}}"}""");
        await api.GetAsync($"{Core}/configmaps/owner", HttpStatusCode.NotFound);
        var expected = stays ? HttpStatusCode.OK : HttpStatusCode.NotFound;
        var child = await api.GetAsync($"{Core}/secrets/child", expected);
        await api.GetAsync($"{Core}/secrets/grandchild", expected);
        if (stays)
        {
            Assert.Null(child["metadata"]!["ownerReferences"]);
        }
    }

    [Fact]
    public async Task An_owner_in_the_foreground_waits_for_what_blocks_it()
    {
        var owner = await api.PostAsync($"{Core}/configmaps", """{"metadata":{"name":"owner"}}""");
        await OwnAsync("child", owner, """,finalizers:["a/b"]""".Replace("finalizers", "\"finalizers\"", StringComparison.Ordinal));
        await api.DeleteAsync($"{Core}/configmaps/owner", """{"propagationPolicy":"Foreground"}""");
        Assert.NotNull((await api.GetAsync($"{Core}/configmaps/owner"))["metadata"]!["deletionTimestamp"]);
        server.Objects.Change("secrets", "default", "child", c => c["metadata"]!.AsObject().Remove("finalizers"));
        await api.GetAsync($"{Core}/configmaps/owner", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_is_created_for_an_owner_that_has_gone_goes_too()
    {
        await OwnAsync("late", JsonNode.Parse("""{"metadata":{"name":"owner","uid":"5f1c"}}""")!);
        await api.GetAsync($"{Core}/secrets/late", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_namespace_goes_with_all_that_is_in_it()
    {
        await api.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"demo"}}""");
        await api.PostAsync("/api/v1/namespaces/demo/configmaps", """{"metadata":{"name":"a"}}""");
        await api.PostAsync("/api/v1/namespaces/demo/secrets", """{"metadata":{"name":"held","finalizers":["a/b"]}}""");
        await api.DeleteAsync("/api/v1/namespaces/demo");
        Assert.Equal("Terminating", (string?)(await api.GetAsync("/api/v1/namespaces/demo"))["status"]!["phase"]);
        await api.GetAsync("/api/v1/namespaces/demo/configmaps/a", HttpStatusCode.NotFound);
        var refused = await api.PostAsync("/api/v1/namespaces/demo/configmaps", """{"metadata":{"name":"b"}}""", HttpStatusCode.Forbidden);
        Assert.Contains("because it is being terminated", (string?)refused["message"], StringComparison.Ordinal);
        await api.MergeAsync("/api/v1/namespaces/demo/secrets/held", """{"metadata":{"finalizers":null}}""");
        await api.GetAsync("/api/v1/namespaces/demo", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Collections_are_deleted_by_selector_and_a_dry_run_deletes_nothing()
    {
        foreach (var name in (string[])["a", "b", "c"])
        {
            await api.PostAsync($"{Core}/configmaps", $$$"""{"metadata":{"name":"{{{name}}}","labels":{"x":"{{{(name == "c" ? "2" : "1")}}}"} } }""");
        }

        await api.DeleteAsync($"{Core}/configmaps/c?dryRun=All");
        await api.DeleteAsync($"{Core}/configmaps?labelSelector=x%3D1");
        Assert.Equal(["c"], server.Objects.List("configmaps", "default").Select(m => m.GetProperty("metadata").GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_dry_run_shows_what_would_be_and_stores_nothing()
    {
        var shown = await api.PostAsync($"{Apps}/deployments?dryRun=All", """
            {"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"a"}]}}}}
            """);
        Assert.Equal(1, (int)shown["spec"]!["replicas"]!);
        await api.GetAsync($"{Apps}/deployments/d", HttpStatusCode.NotFound);
    }

    private Task<JsonNode> OwnAsync(string name, JsonNode owner, string more = "")
        => api.PostAsync($"{Core}/secrets", $$$"""
            {"metadata":{"name":"{{{name}}}","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"{{{(string?)owner["metadata"]!["name"]}}}","uid":"{{{(string?)owner["metadata"]!["uid"]}}}","blockOwnerDeletion":true}]{{{more}}}}}
            """);
}
