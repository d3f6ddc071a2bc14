using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Kubernetes.Tests.Support;

namespace DaprK8s.Kubernetes.Tests.Client;

/// <summary>Whole lists, patches, deletions.</summary>
public sealed class KubernetesClientWritingTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_list_is_read_to_its_end()
    {
        await using var cluster = await Cluster.StartAsync();
        for (var i = 0; i < 501; i++)
        {
            cluster.PutConfigMap($"map-{i}", "v");
        }

        Assert.Equal(501, (await cluster.Client.ListAsync(ApiResources.ConfigMaps, new InformerScope { Namespace = "default" }, Stop)).Count);
        var one = await cluster.Client.ListAsync(ApiResources.ConfigMaps, new InformerScope { LabelSelector = "app=map-7" }, Stop);
        Assert.Equal("map-7", (string?)Assert.Single(one)["metadata"]!["name"]);
    }

    [Fact]
    public async Task A_merge_patch_changes_members_and_leaves_the_rest()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("map", "v");
        await cluster.Client.PatchAsync(
            ApiResources.ConfigMaps, "default", "map", PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["other"] = "w" } }, Stop);

        var data = cluster.Server.Objects.Find("configmaps", "default", "map")!.Value.GetProperty("data");
        Assert.Equal("v", data.GetProperty("key").GetString());
        Assert.Equal("w", data.GetProperty("other").GetString());
    }

    [Fact]
    public async Task A_JSON_patch_sets_what_its_path_names()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("map", "v");
        var patch = new JsonArray(new JsonObject { ["op"] = "add", ["path"] = "/data/other", ["value"] = "w" });
        var patched = await cluster.Client.PatchAsync(ApiResources.ConfigMaps, "default", "map", PatchKind.Json, patch, Stop);

        Assert.Equal("w", (string?)patched["data"]!["other"]);
    }

    [Fact]
    public async Task A_patch_of_the_status_leaves_the_object_and_the_other_way_round()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Objects.Put("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"default"},"spec":{"nodeName":"one"}}""");
        var pods = ApiResources.Of("", "v1", "pods");
        var both = new JsonObject { ["spec"] = new JsonObject { ["nodeName"] = "two" }, ["status"] = new JsonObject { ["phase"] = "Running" } };
        await cluster.Client.PatchAsync(pods, "default", "p", PatchKind.Merge, both, Stop, subresource: "status");

        var pod = cluster.Server.Objects.Find("pods", "default", "p")!.Value;
        Assert.Equal("one", pod.GetProperty("spec").GetProperty("nodeName").GetString());
        Assert.Equal("Running", pod.GetProperty("status").GetProperty("phase").GetString());
    }

    [Fact]
    public async Task A_deletion_may_be_bound_to_the_object_that_was_seen()
    {
        await using var cluster = await Cluster.StartAsync();
        var uid = cluster.PutConfigMap("map", "v").GetProperty("metadata").GetProperty("uid").GetString();
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.DeleteAsync(ApiResources.ConfigMaps, "default", "map", "another", Stop));
        Assert.True(refused.IsConflict);
        Assert.Equal("delete", refused.Verb);

        await cluster.Client.DeleteAsync(ApiResources.ConfigMaps, "default", "map", uid, Stop);
        Assert.Null(cluster.Server.Objects.Find("configmaps", "default", "map"));
    }
}
