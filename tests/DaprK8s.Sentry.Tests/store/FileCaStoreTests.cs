using DaprK8s.Sentry.Store;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Sentry.Tests.Store;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class FileCaStoreTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly FileCaStore store;

    public FileCaStoreTests() => store = new FileCaStore(directory["credentials"], new Dictionary<string, string>(), TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task Nothing_is_there_before_the_first_writing_and_all_of_it_after()
    {
        Assert.Null(await store.LoadAsync(Token));
        var bundle = Bundles.Generated(DateTimeOffset.UtcNow);
        await store.SaveAsync(bundle, null, Token);

        var loaded = (await store.LoadAsync(Token))!;
        Assert.Equal(bundle.Items.Keys.Order(), loaded.Items.Keys.Order());
        Assert.Equal(bundle.Text(BundleItems.IssuerKey), loaded.Text(BundleItems.IssuerKey));
        Assert.Null(loaded.Published);
    }

    [Fact]
    public async Task Files_are_for_their_owner_only_and_nothing_is_left_beside_them()
    {
        await store.SaveAsync(Bundles.Generated(DateTimeOffset.UtcNow), null, Token);
        foreach (var name in new[] { "ca.crt", "issuer.crt", "issuer.key" })
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(directory["credentials"], name)));
        }

        Assert.DoesNotContain(Directory.GetFiles(directory["credentials"]), f => f.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Somebody_elses_writing_in_between_is_a_conflict_and_not_overwritten()
    {
        var bundle = Bundles.Generated(DateTimeOffset.UtcNow);
        await store.SaveAsync(bundle, null, Token);
        var loaded = await store.LoadAsync(Token);
        directory.Write("credentials/ca.crt", "by hand");

        await Assert.ThrowsAsync<StoreConflictException>(() => store.SaveAsync(bundle, loaded, Token));
        await Assert.ThrowsAsync<StoreConflictException>(() => store.SaveAsync(bundle, null, Token));
        Assert.Equal("by hand", File.ReadAllText(Path.Combine(directory["credentials"], "ca.crt")));
    }

    [Fact]
    public async Task Of_two_writers_at_once_one_wins()
    {
        await store.SaveAsync(Bundles.Generated(DateTimeOffset.UtcNow), null, Token);
        var loaded = await store.LoadAsync(Token);
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            try
            {
                await store.SaveAsync(Bundles.Generated(DateTimeOffset.UtcNow), loaded, Token);
                return true;
            }
            catch (StoreConflictException)
            {
                return false;
            }
        })));
        Assert.Single(results, r => r);
        Assert.NotNull(DaprK8s.Sentry.Ca.CaBundleReader.Read(await store.LoadAsync(Token)));
    }

    [Fact]
    public async Task Items_that_a_bundle_lacks_are_removed_and_foreign_files_stay()
    {
        await store.SaveAsync(Bundles.Of((BundleItems.TrustAnchors, "a"), (BundleItems.NextIssuerKey, "n")), null, Token);
        directory.Write("credentials/mine.txt", "mine");
        var loaded = await store.LoadAsync(Token);
        await store.SaveAsync(Bundles.Of((BundleItems.TrustAnchors, "b")), loaded, Token);

        Assert.Equal(["ca.crt", "mine.txt"], Directory.GetFiles(directory["credentials"]).Select(f => Path.GetFileName(f)!).Where(f => f[0] != '.').Order());
    }

    [Fact]
    public async Task Files_may_have_other_names_or_be_elsewhere_and_links_stay_links()
    {
        var target = directory.Write("elsewhere.pem", "old");
        Directory.CreateDirectory(directory["credentials"]);
        File.CreateSymbolicLink(directory["credentials/issuer.crt"], target);
        var named = new FileCaStore(
            directory["credentials"],
            new Dictionary<string, string> { [BundleItems.TrustAnchors] = directory["root.pem"], [BundleItems.IssuerKey] = "key.pem" }, TimeProvider.System);
        await named.SaveAsync(
            Bundles.Of((BundleItems.TrustAnchors, "a"), (BundleItems.IssuerKey, "k"), (BundleItems.IssuerCertificate, "c")), await named.LoadAsync(Token), Token);

        Assert.Equal("a", File.ReadAllText(directory["root.pem"]));
        Assert.Equal("k", File.ReadAllText(directory["credentials/key.pem"]));
        Assert.Equal("c", File.ReadAllText(target));
        Assert.NotNull(new FileInfo(directory["credentials/issuer.crt"]).LinkTarget);
    }

    [Fact]
    public async Task What_changed_before_the_watch_began_is_seen_as_soon_as_it_has_begun()
    {
        Directory.CreateDirectory(directory["credentials"]);
        var standing = new FileCaStore(directory["credentials"], new Dictionary<string, string>(), new FakeTimeProvider());        await using var watch = standing.WatchAsync(Token).GetAsyncEnumerator(Token);

        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Token), "it is looked at without any change or passing of time");
    }

    [Fact]
    public async Task Changes_are_seen_and_gathered_whether_files_are_replaced_or_a_mounted_directory_is_turned()
    {
        Directory.CreateDirectory(directory["credentials"]);
        using var stop = new CancellationTokenSource();
        var seen = 0;
        var watch = Task.Run(async () =>
        {
            await foreach (var _ in store.WatchAsync(stop.Token))
            {
                Interlocked.Increment(ref seen);
            }
        }, Token);

        await UntilSeenAsync(() => { });
        seen = 0;
        var writes = 0;
        await UntilSeenAsync(() => directory.Write("credentials/ca.crt", $"{writes++}"));
        seen = 0;
        await UntilSeenAsync(() =>
        {
            // As the kubelet does it: the files are links through a link to a directory, which is turned to another one.
            writes++;
            File.Delete(directory["credentials/..data"]);
            Directory.CreateSymbolicLink(directory["credentials/..data"], directory.Path);
        });
        Assert.True(writes < 60, "each change was reported on its own or not at all");
        await stop.CancelAsync();
        await Eventually.EndedAsync(watch);

        async Task UntilSeenAsync(Action change)
        {
            for (var attempt = 0; Volatile.Read(ref seen) == 0; attempt++)
            {
                Assert.True(attempt < 10, "no change was seen");
                change();
                var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(5);
                while (Volatile.Read(ref seen) == 0 && DateTime.UtcNow < deadline)
                {
                    await Task.Delay(20, Token);
                }
            }
        }
    }
}
