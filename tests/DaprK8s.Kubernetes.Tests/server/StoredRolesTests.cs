using System.Net;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Kubernetes.Tests.Server;

/// <summary>Access by stored roles and bindings in the test API server.</summary>
public sealed class StoredRolesTests : IAsyncLifetime
{
    private ToolCluster cluster = null!;
    private ApiClient robot = null!;

    public async ValueTask InitializeAsync()
    {
        cluster = await ToolCluster.StartAsync(new KubernetesApiOptions { UsesStoredRoles = true });
        cluster.Server.Objects.Put("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"robot"}}""");
        robot = new ApiClient(cluster.Server, cluster.Server.Tokens.IssueForAccount("default", "robot", TimeSpan.FromHours(1)));
    }

    public async ValueTask DisposeAsync()
    {
        robot.Dispose();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task Without_a_role_nothing_is_allowed_but_to_look_around()
    {
        var refused = await robot.GetAsync("/api/v1/namespaces/default/pods", HttpStatusCode.Forbidden);
        Assert.Equal(
            "pods is forbidden: User \"system:serviceaccount:default:robot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"",
            (string?)refused["message"]);
        await robot.GetAsync("/apis");
    }

    [Fact]
    public async Task A_role_allows_in_its_namespace_what_it_names()
    {
        await cluster.Kubectl.RunAsync("create", "role", "reader", "--verb=get", "--verb=list", "--resource=pods,pods/log");
        await cluster.Kubectl.RunAsync("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:robot");
        await robot.GetAsync("/api/v1/namespaces/default/pods");
        await robot.GetAsync("/api/v1/pods", HttpStatusCode.Forbidden);
        await robot.GetAsync("/api/v1/namespaces/default/secrets", HttpStatusCode.Forbidden);
        await robot.DeleteAsync("/api/v1/namespaces/default/pods/x", null, HttpStatusCode.Forbidden);
        await robot.GetAsync("/api/v1/namespaces/default/pods/x/log", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_cluster_role_allows_everywhere_and_by_name()
    {
        await cluster.Kubectl.RunAsync("create", "clusterrole", "patcher", "--verb=get,patch", "--resource=deployments.apps,deployments.apps/status");
        await cluster.Kubectl.RunAsync("create", "clusterrole", "one", "--verb=get,list", "--resource=secrets", "--resource-name=mine");
        await cluster.Kubectl.RunAsync("create", "clusterrolebinding", "patcher", "--clusterrole=patcher", "--serviceaccount=default:robot");
        await cluster.Kubectl.RunAsync("create", "clusterrolebinding", "one", "--clusterrole=one", "--serviceaccount=default:robot");
        await robot.GetAsync("/apis/apps/v1/namespaces/kube-system/deployments/d", HttpStatusCode.NotFound);
        await robot.MergeAsync("/apis/apps/v1/namespaces/default/deployments/d/status", "{}", HttpStatusCode.NotFound);
        await robot.GetAsync("/api/v1/namespaces/default/secrets/mine", HttpStatusCode.NotFound);
        await robot.GetAsync("/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dmine");
        await robot.GetAsync("/api/v1/namespaces/default/secrets/other", HttpStatusCode.Forbidden);
        Assert.Equal("yes\n", await cluster.KubectlAs("default", "robot").RunAsync("auth", "can-i", "patch", "deployments.apps"));
    }

    [Fact]
    public async Task Roles_that_every_cluster_has_can_be_bound()
    {
        await robot.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{"token":"x"}}""", HttpStatusCode.Forbidden);
        await cluster.Kubectl.RunAsync("create", "clusterrolebinding", "d", "--clusterrole=system:auth-delegator", "--serviceaccount=default:robot");
        await robot.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{"token":"x"}}""");
    }
}
