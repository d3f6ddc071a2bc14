using DaprK8s.Components.Tests.Conformance;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.State;

/// <summary>The in-memory store against everything that a state store must do, on a fake clock, and what it does beyond.</summary>
public sealed class InMemoryStateStoreTests : StateStoreConformance
{
    private readonly FakeTimeProvider clock = new(DateTimeOffset.UtcNow);

    protected override StateFeatures ExpectedFeatures => base.ExpectedFeatures | StateFeatures.DeleteWithPrefix;

    protected override bool InstancesShareData => false;

    protected override DateTimeOffset Now => clock.GetUtcNow();

    private IPrefixDeletingStateStore PrefixDeleting => Assert.IsAssignableFrom<IPrefixDeletingStateStore>(Store);

    [Theory]
    [InlineData("p||")]
    [InlineData("p")]
    public async Task Deleting_by_prefix_removes_one_level_and_counts_it(string prefix)
    {
        foreach (var key in (string[])["p||a", "p||b", "p||b||c", "p", "px||a", "q||a"])
        {
            await SetAsync(key, "1");
        }

        Assert.Equal(2, await PrefixDeleting.DeleteWithPrefixAsync(prefix, Cancel));

        await AssertMissingAsync("p||a");
        await AssertMissingAsync("p||b");
        foreach (var key in (string[])["p||b||c", "p", "px||a", "q||a"])
        {
            Assert.Equal("1", await TextAsync(key));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("||")]
    public async Task Deleting_by_an_empty_prefix_is_refused(string prefix)
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(async () => await PrefixDeleting.DeleteWithPrefixAsync(prefix, Cancel));

        Assert.StartsWith("a prefix is required for deleteWithPrefix request", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mismatches_say_what_was_found()
    {
        await SetAsync("a", "1");
        var etag = await ETagAsync("a");

        var first = await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync("a", "2", concurrency: StateConcurrency.FirstWrite));
        var missing = await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync("b", "2", "x"));
        var other = await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync("a", "2", "x"));

        Assert.EndsWith(": item already exists and no etag was passed", first.Message, StringComparison.Ordinal);
        Assert.EndsWith(": state not exist or expired for key=b", missing.Message, StringComparison.Ordinal);
        Assert.EndsWith($": state etag not match for key=a: current={etag}, expect=x", other.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_first_write_delete_needs_the_ETag_of_an_item_that_exists()
    {
        await SetAsync("a", "1");

        await Assert.ThrowsAsync<ETagMismatchException>(
            async () => await Store.DeleteAsync(new StateDelete("a") { Concurrency = StateConcurrency.FirstWrite }, Cancel));
        await Store.DeleteAsync(new StateDelete("missing") { Concurrency = StateConcurrency.FirstWrite }, Cancel);

        Assert.Equal("1", await TextAsync("a"));
    }

    [Fact]
    public async Task Any_negative_TTL_means_none()
    {
        await SetAsync("a", "1", ttl: "-5");

        Assert.Null((await GetAsync("a")).Expires);
    }

    [Fact]
    public async Task Keys_are_listed_in_the_order_of_insertion_and_an_overwritten_one_keeps_its_place()
    {
        foreach (var key in (string[])["k3", "k1", "k2", "k1", "k3"])
        {
            await SetAsync(key, "1");
        }

        Assert.Equal(["k3", "k1", "k2"], (await Listing.ListKeysAsync("k", 0, null, Cancel)).Keys);
    }

    [Fact]
    public async Task A_stored_value_is_a_copy()
    {
        var bytes = new byte[] { 1, 2, 3 };
        await Store.SetAsync(new StateSet("a", new StateValue(bytes, IsJson: false)), Cancel);

        bytes[0] = 9;

        Assert.Equal([1, 2, 3], (await GetAsync("a")).Value.ToArray());
    }

    [Fact]
    public async Task Expired_items_give_their_memory_back_without_being_asked_for()
    {
        const int size = 1024 * 1024;
        for (var i = 0; i < 128; i++)
        {
            await Store.SetAsync(new StateSet($"k{i}", new StateValue(new byte[size], IsJson: false)) { Metadata = Ttl("5") }, Cancel);
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        Assert.True(before > 128 * size, $"{before} bytes are in use while 128 MiB are stored");

        clock.Advance(TimeSpan.FromSeconds(7));

        var after = GC.GetTotalMemory(forceFullCollection: true);
        Assert.True(after < before - (64 * size), $"{after} bytes are in use after all expired, {before} before");
    }

    protected override async Task<IStateStore> CreateAsync(IDictionary<string, string>? extraMetadata)
        => await ComponentUnderTest.StartAsync<IStateStore>("state.in-memory", extraMetadata, time: clock);

    protected override void Advance(TimeSpan time) => clock.Advance(time);
}
