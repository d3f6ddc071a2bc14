using DaprK8s.Sentry.Ca;
using DaprK8s.Sentry.Jwt;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Store;

namespace DaprK8s.Sentry.Tests.Kubernetes;

/// <summary>What sentry makes of Secret and ConfigMap at its start, under the chart's roles.</summary>
public sealed class BundleInClusterTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_authority_is_generated_where_there_is_none_and_kept_where_there_is_one()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var first = await Source(cluster).LoadAsync(generate: true, Stop);
        var second = await Source(cluster).LoadAsync(generate: true, Stop);
        Assert.Equal(first.Ca.TrustAnchorsPem, second.Ca.TrustAnchorsPem);
        Assert.Equal(first.Ca.TrustAnchorsPem, second.Stored.Published![BundleItems.TrustAnchors].ToArray());
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.Verb is "create" or "delete" or "patch");
    }

    [Fact]
    public async Task Replicas_that_start_at_once_end_up_with_one_authority()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var gate = cluster.Server.Faults.Hold("update", "secrets");
        var starts = Enumerable.Range(0, 3).Select(_ => Task.Run(() => Source(cluster).LoadAsync(generate: true, Stop), Stop)).ToArray();
        await Eventually.TrueAsync(() => gate.Waiting == 3, "all have found nothing and generated one");
        gate.Open();
        var loaded = await Task.WhenAll(starts);
        Assert.All(loaded, l => Assert.Equal(loaded[0].Ca.TrustAnchorsPem, l.Ca.TrustAnchorsPem));
        Assert.All(loaded, l => Assert.Equal(loaded[0].Ca.TrustAnchorsPem, l.Stored.Published![BundleItems.TrustAnchors].ToArray()));
    }

    [Fact]
    public async Task An_empty_ConfigMap_is_filled_from_a_good_Secret()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var first = await Source(cluster).LoadAsync(generate: true, Stop);
        cluster.Server.Objects.Change("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName, m => m.Remove("data"));
        var version = SecretVersion(cluster);

        var second = await Source(cluster).LoadAsync(generate: true, Stop);
        Assert.Equal(first.Ca.TrustAnchorsPem, second.Stored.Published![BundleItems.TrustAnchors].ToArray());
        Assert.Equal(version, SecretVersion(cluster));
    }

    [Fact]
    public async Task Anchors_in_the_ConfigMap_that_the_Secret_has_not_are_named_and_nothing_is_touched()
    {
        await using var cluster = await SentryCluster.StartAsync();
        await Source(cluster).LoadAsync(generate: true, Stop);
        var foreign = CertificateList.Write([CaGenerator.Generate(new CaProfile(SentryCluster.Sentry, TimeSpan.FromMinutes(15)), DateTimeOffset.UtcNow).Anchor]);
        cluster.Server.Objects.Change(
            "configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName, m => m["data"]!["ca.crt"] = System.Text.Encoding.ASCII.GetString(foreign));
        cluster.Server.Faults.ForgetRequests();

        var error = await Assert.ThrowsAsync<CaBundleException>(() => Source(cluster).LoadAsync(generate: true, Stop));
        Assert.Contains("ca.crt of ConfigMap and Secret differ: the ConfigMap has O=cluster.local", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.Verb == "update");
    }

    private static string? SecretVersion(SentryCluster cluster)
        => cluster.Server.Objects.Find("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value.GetProperty("metadata").GetProperty("resourceVersion").GetString();

    private static BundleSource Source(SentryCluster cluster)
        => new(cluster.NewStore(), new CaProfile(SentryCluster.Sentry, TimeSpan.FromMinutes(15)), new JwtSettings(), TimeProvider.System, cluster.Log);
}
