using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Kubernetes.Tests.Support;
using DaprK8s.KubernetesApi;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.Kubernetes.Tests.Client;

public sealed class KubernetesClientTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reads_typed_resources_and_whole_objects()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfiguration("c", "my-domain", "apps");
        cluster.PutConfigMap("m", "v");

        var typed = await cluster.Client.GetAsync(DaprResources.Configurations, "apps", "c", Stop);
        var whole = await cluster.Client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop);
        var metadata = await cluster.Client.GetMetadataAsync(ApiResources.ConfigMaps, "default", "m", Stop);

        Assert.Equal("my-domain", typed.Spec.AccessControl?.TrustDomain);
        Assert.Equal("m", (string?)whole["metadata"]?["labels"]?["app"]);
        Assert.Equal((string?)whole["metadata"]?["uid"], metadata.Metadata.Uid);
    }

    [Fact]
    public async Task An_update_of_an_old_version_is_a_conflict_and_changes_nothing()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("m", "one");
        var first = await cluster.Client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop);
        var second = first.DeepClone().AsObject();

        first["data"]!["key"] = "two";
        await cluster.Client.UpdateAsync(ApiResources.ConfigMaps, "default", "m", first, Stop);
        second["data"]!["key"] = "three";
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.UpdateAsync(ApiResources.ConfigMaps, "default", "m", second, Stop));

        Assert.True(refused.IsConflict);
        Assert.Equal("two", (string?)(await cluster.Client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop))["data"]?["key"]);
    }

    [Fact]
    public async Task A_missing_object_and_a_missing_kind_are_told_apart()
    {
        await using var cluster = await Cluster.StartAsync();
        var noObject = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.GetAsync(DaprResources.Configurations, "default", "x", Stop));
        cluster.Server.Types.Withdraw("configurations.dapr.io");
        var noKind = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.GetAsync(DaprResources.Configurations, "default", "x", Stop));

        Assert.True(noObject is { IsObjectMissing: true, IsKindMissing: false });
        Assert.Equal("cannot get configurations.dapr.io: configurations.dapr.io \"x\" not found", noObject.Message);
        Assert.True(noKind is { IsObjectMissing: false, IsKindMissing: true });
    }

    [Fact]
    public async Task A_refusal_names_verb_and_resource()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Access.Deny("create", "events");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.CreateAsync(ApiResources.Events, "default", [], Stop));
        Assert.True(refused.IsForbidden);
        Assert.StartsWith("cannot create events: events is forbidden: User", refused.Message, StringComparison.Ordinal);
        Assert.Equal("a role must allow 'create' on 'events' in namespace 'default': apiGroups [\"\"], resources [\"events\"], verbs [\"create\"]", refused.MissingRight);
        Assert.EndsWith($" ({refused.MissingRight})", KubernetesException.Explain(refused), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_rule_that_is_missing_names_group_subresource_and_the_whole_cluster()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Types.Serve(new ResourceType("dapr.io", "v1alpha1", "configurations", "Configuration", HasStatus: true));
        cluster.Server.Access.Deny("patch", "configurations.dapr.io");
        cluster.Server.Access.Deny("list", "configurations.dapr.io");
        var configurations = ApiResources.Of("dapr.io", "v1alpha1", "configurations");
        var status = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.PatchAsync(configurations, "apps", "c", PatchKind.Merge, new JsonObject(), Stop, subresource: "status"));
        var list = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.ListAsync(configurations, new InformerScope(), Stop));

        Assert.Equal(
            "a role must allow 'patch' on 'configurations.dapr.io' in namespace 'apps': apiGroups [\"dapr.io\"], resources [\"configurations/status\"], verbs [\"patch\"]", status.MissingRight);
        Assert.Equal(
            "a role must allow 'list' on 'configurations.dapr.io' in the whole cluster: apiGroups [\"dapr.io\"], resources [\"configurations\"], verbs [\"list\"]", list.MissingRight);
    }

    [Fact]
    public async Task A_namespace_that_is_being_deleted_is_no_missing_right_and_neither_is_what_else_answers_403()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("holds", "it");
        cluster.Server.Objects.Change("namespaces", "", "default", n => n["metadata"]!["deletionTimestamp"] = "2026-01-01T00:00:00Z");
        var going = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.CreateAsync(
            ApiResources.Events, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "e" } }, Stop));
        cluster.Server.Faults.Fail("create", "events", 403);
        var another = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.CreateAsync(ApiResources.Events, "default", [], Stop));

        Assert.True(going is { IsNamespaceTerminating: true, IsForbidden: false, MissingRight: null, Reason: "Forbidden", Cause: "NamespaceTerminating" });
        Assert.EndsWith("because it is being terminated", KubernetesException.Explain(going), StringComparison.Ordinal);
        Assert.True(another is { IsNamespaceTerminating: false, IsForbidden: true, MissingRight: null });
    }

    [Fact]
    public async Task Comes_again_when_the_server_sheds_load()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.PutConfigMap("m", "v");
        cluster.Server.Faults.Fail("get", "configmaps", 429, times: 1);
        Assert.NotNull(await cluster.Client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop));
        Assert.Equal(2, cluster.Server.Faults.Count("get", "configmaps"));
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not_spoken_to()
    {
        await using var cluster = await Cluster.StartAsync();
        await using var impostor = await KubernetesApiServer.StartAsync();
        var text = await File.ReadAllTextAsync(cluster.KubeConfig, Stop);
        await File.WriteAllTextAsync(cluster.KubeConfig, text.Replace(cluster.Server.Address.ToString(), impostor.Address.ToString(), StringComparison.Ordinal), Stop);

        using var client = Connect(cluster.KubeConfig);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop));
        Assert.Empty(impostor.Faults.Requests);
    }

    [Fact]
    public async Task A_certificate_of_the_right_authority_for_another_name_is_refused()
    {
        await using var server = await KubernetesApiServer.StartAsync("kubernetes.default.svc");
        server.Objects.AddNamespace("x");
        var file = Path.GetTempFileName();
        try
        {
            foreach (var (name, accepted) in new[] { ("kubernetes.default.svc", true), ("kubelet.example", false) })
            {
                server.WriteKubeConfig(file);
                await File.WriteAllTextAsync(
                    file,
                    (await File.ReadAllTextAsync(file, Stop)).Replace("    certificate-authority-data", $"    tls-server-name: {name}\n    certificate-authority-data", StringComparison.Ordinal),
                    Stop);
                using var client = Connect(file);
                var error = await Record.ExceptionAsync(() => client.GetMetadataAsync(ApiResources.MetadataOf("namespaces"), null, "x", Stop));
                Assert.Equal(accepted, error is null);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_token_that_is_not_known_is_unauthorized()
    {
        await using var cluster = await Cluster.StartAsync();
        cluster.Server.Tokens.Revoke("tester-token");
        var refused = await Assert.ThrowsAsync<KubernetesException>(() => cluster.Client.GetAsync(ApiResources.ConfigMaps, "default", "m", Stop));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.DoesNotContain("tester-token", refused.ToString(), StringComparison.Ordinal);
    }

    private static KubernetesClient Connect(string file) => new(KubernetesConnection.Find(file, TimeProvider.System), TimeProvider.System);
}
