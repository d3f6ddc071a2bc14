using System.Text;
using System.Text.Json.Nodes;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Kubernetes;

public sealed class KubernetesCaStoreTests
{
    private const string One = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    private const string Two = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Empty_objects_are_an_empty_bundle_and_take_the_first_one()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore();
        var empty = await store.LoadAsync(Stop);
        Assert.Empty(empty!.Items);
        Assert.Empty(empty.Published!);

        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One), (BundleItems.IssuerKey, "key"), (BundleItems.Jwks, "{}")), empty, Stop);

        var filled = await store.LoadAsync(Stop);
        Assert.Equal("key", Text(filled![BundleItems.IssuerKey]));
        Assert.Equal(One, Text(filled.Published![BundleItems.TrustAnchors]));
        Assert.Equal("{}", Text(filled.Published![BundleItems.Jwks]));
        Assert.False(filled.Published!.ContainsKey(BundleItems.IssuerKey));
    }

    [Fact]
    public async Task Only_what_differs_is_written_and_everything_else_in_the_objects_stays()
    {
        await using var cluster = await SentryCluster.StartAsync();
        cluster.Server.Objects.Change("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName, s => s["data"] = new JsonObject
        {
            ["mine"] = "QQ==",
            ["ca.crt"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(One)),
            ["issuer.previous.crt"] = "QQ==",
            ["issuer.crt"] = "",
        });
        cluster.Server.Objects.Change("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName, m => m["data"] = new JsonObject { ["ca.crt"] = One, ["jwks.json"] = "{}" });
        var store = cluster.NewStore();
        var loaded = (await store.LoadAsync(Stop))!;
        Assert.Null(loaded[BundleItems.IssuerCertificate]);

        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One), (BundleItems.IssuerKey, "key")), loaded, Stop);

        var secret = cluster.Server.Objects.Find("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value;
        Assert.Equal("dapr-sentry", secret.GetProperty("metadata").GetProperty("labels").GetProperty("app").GetString());
        Assert.Equal(["ca.crt", "issuer.key", "mine"], secret.GetProperty("data").EnumerateObject().Select(p => p.Name).Order());
        var map = cluster.Server.Objects.Find("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value;
        Assert.Equal("ca.crt", Assert.Single(map.GetProperty("data").EnumerateObject()).Name);

        cluster.Server.Faults.ForgetRequests();
        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One), (BundleItems.IssuerKey, "key")), await store.LoadAsync(Stop), Stop);
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.Verb == "update");
    }

    [Fact]
    public async Task Of_two_replicas_that_save_at_once_one_is_told_to_look_again()
    {
        await using var cluster = await SentryCluster.StartAsync();
        using var otherClient = cluster.NewClient();
        var one = cluster.NewStore();
        var two = new KubernetesCaStore(otherClient, SentryCluster.Namespace, new Dictionary<string, string>(), TimeProvider.System, cluster.Log);
        var gate = cluster.Server.Faults.Hold("update", "secrets");

        var saves = new[]
        {
            one.SaveAsync(Bundle((BundleItems.TrustAnchors, One), (BundleItems.IssuerKey, "one")), await one.LoadAsync(Stop), Stop),
            two.SaveAsync(Bundle((BundleItems.TrustAnchors, Two), (BundleItems.IssuerKey, "two")), await two.LoadAsync(Stop), Stop),
        };
        await Eventually.TrueAsync(() => gate.Waiting == 2, "both have read and want to write");
        gate.Open();
        await Eventually.TrueAsync(() => saves.All(s => s.IsCompleted), "both end");

        var lost = Assert.Single(saves, s => s.IsFaulted);
        Assert.IsType<StoreConflictException>(lost.Exception!.InnerException);
        var result = (await one.LoadAsync(Stop))!;
        Assert.Equal(saves[0] == lost ? "two" : "one", Text(result[BundleItems.IssuerKey]));
        Assert.Equal(Text(result[BundleItems.TrustAnchors]), Text(result.Published![BundleItems.TrustAnchors]));
    }

    [Theory]
    [InlineData("secrets")]
    [InlineData("configmaps")]
    public async Task What_changed_since_it_was_loaded_is_not_overwritten(string resource)
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore();
        var loaded = await store.LoadAsync(Stop);
        cluster.Server.Objects.Change(resource, SentryCluster.Namespace, KubernetesCaStore.ObjectName, o => o["data"] = new JsonObject { ["other"] = "QQ==" });
        await Assert.ThrowsAsync<StoreConflictException>(() => store.SaveAsync(Bundle((BundleItems.TrustAnchors, One)), loaded, Stop));
        Assert.Equal(0, cluster.Server.Faults.Count("update", "secrets"));
    }

    [Fact]
    public async Task Who_believes_in_an_empty_store_does_not_overwrite_a_full_one()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore();
        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One)), null, Stop);
        await Assert.ThrowsAsync<StoreConflictException>(() => store.SaveAsync(Bundle((BundleItems.TrustAnchors, Two)), null, Stop));
    }

    [Theory]
    [InlineData(One, One + Two, "secrets configmaps")]
    [InlineData(One + Two, One, "configmaps secrets")]
    [InlineData(One, Two, "configmaps secrets configmaps")]
    [InlineData("", One, "secrets configmaps")]
    public async Task The_public_copy_never_has_an_anchor_that_the_Secret_lacks(string from, string to, string order)
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore();
        if (from.Length > 0)
        {
            await store.SaveAsync(Bundle((BundleItems.TrustAnchors, from)), null, Stop);
        }

        cluster.Server.Faults.ForgetRequests();
        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, to)), await store.LoadAsync(Stop), Stop);

        Assert.Equal(order, string.Join(' ', cluster.Server.Faults.Requests.Where(r => r.Verb == "update").Select(r => r.Resource)));
        var result = (await store.LoadAsync(Stop))!;
        Assert.Equal(to, Text(result[BundleItems.TrustAnchors]));
        Assert.Equal(to, Text(result.Published![BundleItems.TrustAnchors]));
    }

    [Fact]
    public async Task A_load_amid_the_writes_of_another_replica_sees_both_objects_of_one_moment()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore();
        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One)), null, Stop);
        var gate = cluster.Server.Faults.Hold("get", "configmaps");
        var loading = store.LoadAsync(Stop);
        await Eventually.TrueAsync(() => gate.Waiting == 1, "the Secret is read, the ConfigMap not yet");
        cluster.Server.Objects.Change(
            "secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName, o => o["data"]!["ca.crt"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(One + Two)));
        cluster.Server.Objects.Change("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName, o => o["data"]!["ca.crt"] = One + Two);
        gate.Open();

        var loaded = (await loading)!;
        Assert.Equal(One + Two, Text(loaded[BundleItems.TrustAnchors]));
        Assert.Equal(One + Two, Text(loaded.Published![BundleItems.TrustAnchors]));
    }

    [Fact]
    public async Task Entries_have_the_names_of_the_configured_files()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var store = cluster.NewStore(files: new Dictionary<string, string>
        {
            [BundleItems.TrustAnchors] = "/somewhere/root.pem",
            [BundleItems.IssuerKey] = "tls.key",
        });
        await store.SaveAsync(Bundle((BundleItems.TrustAnchors, One), (BundleItems.IssuerKey, "k")), await store.LoadAsync(Stop), Stop);
        var data = cluster.Server.Objects.Find("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName)!.Value.GetProperty("data");
        Assert.Equal(["root.pem", "tls.key"], data.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(One, Text((await store.LoadAsync(Stop))!.Published![BundleItems.TrustAnchors]));
    }

    [Fact]
    public async Task Objects_that_are_not_there_are_not_created()
    {
        await using var cluster = await SentryCluster.StartAsync();
        cluster.Server.Objects.Delete("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName);
        var error = await Assert.ThrowsAsync<CaStoreException>(() => cluster.NewStore().LoadAsync(Stop));
        Assert.StartsWith("failed to get trust bundle secret: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(cluster.Server.Faults.Requests, r => r.Verb == "create");
    }

    [Fact]
    public async Task Changes_of_either_object_are_reported_after_they_calmed_down()
    {
        await using var cluster = await SentryCluster.StartAsync();
        var clock = new FakeTimeProvider();
        var store = cluster.NewStore(clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var seen = 0;
        var watching = Task.Run(
            async () =>
            {
                await foreach (var _ in store.WatchAsync(stop.Token))
                {
                    Interlocked.Increment(ref seen);
                }
            },
            Stop);
        await Eventually.TrueAsync(() => cluster.Server.OpenWatches == 1 && cluster.Server.Faults.Count("get", "secrets") == 1, "both are followed");
        await NextAsync(clock, () => Volatile.Read(ref seen) >= 1);
        var before = Volatile.Read(ref seen);

        cluster.Server.Objects.Change("configmaps", SentryCluster.Namespace, KubernetesCaStore.ObjectName, o => o["data"] = new JsonObject { ["ca.crt"] = One });
        await NextAsync(clock, () => Volatile.Read(ref seen) == before + 1);

        cluster.Server.Objects.Change("secrets", SentryCluster.Namespace, KubernetesCaStore.ObjectName, o => o["data"] = new JsonObject { ["issuer.key"] = "QQ==" });
        await NextAsync(clock, () => Volatile.Read(ref seen) == before + 2);
        Assert.All(
            cluster.Server.Faults.Requests.Where(r => r.Resource == "secrets"), r => Assert.Contains("as=PartialObjectMetadata", r.Accept, StringComparison.Ordinal));

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => watching);
    }

    private static Task NextAsync(FakeTimeProvider clock, Func<bool> condition) => Eventually.TrueAsync(
        () =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        "the change is reported");

    private static StoredBundle Bundle(params (string Item, string Text)[] items)
        => new(items.ToDictionary(i => i.Item, i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(i.Text)));

    private static string? Text(ReadOnlyMemory<byte>? bytes) => bytes is { } b ? Encoding.UTF8.GetString(b.Span) : null;
}
