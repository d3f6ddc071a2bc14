using System.Text;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Bulk reads, writes and deletes.</summary>
public abstract partial class StateStoreConformance
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_bulk_read_has_exactly_one_entry_for_each_key(int parallelism)
    {
        await SetAsync(Key("a"), "1");
        await Store.SetAsync(new StateSet(Key("b"), Raw(0, 255)), Cancel);
        StateGet[] requests = [new(Key("a")), new(Key("missing")), new(Key("b")), new(Key("also-missing"))];

        var entries = await Store.BulkGetAsync(requests, parallelism, Cancel);

        Assert.Equal(requests.Select(r => r.Key).Order(StringComparer.Ordinal), entries.Select(e => e.Key).Order(StringComparer.Ordinal));
        Assert.All(entries, e => Assert.Null(e.Error));
        var byKey = entries.ToDictionary(e => e.Key, e => e.Item);
        Assert.Equal("1", Encoding.UTF8.GetString(byKey[Key("a")].Value.Span));
        Assert.Equal([0, 255], byKey[Key("b")].Value.ToArray());
        Assert.Equal(await ETagAsync(Key("a")), byKey[Key("a")].ETag);
        Assert.Equal(await ETagAsync(Key("b")), byKey[Key("b")].ETag);
        Assert.True(byKey[Key("missing")].Value.IsEmpty);
        Assert.Null(byKey[Key("missing")].ETag);
    }

    [Fact]
    public async Task A_bulk_read_of_many_keys_misses_none()
    {
        var keys = Enumerable.Range(0, 1500).Select(i => Key($"n{i}")).ToArray();
        await Store.BulkSetAsync([.. keys.Select((k, i) => SetOf(k, $"{i}"))], Cancel);

        var entries = await Store.BulkGetAsync([.. keys.Select(k => new StateGet(k))], 10, Cancel);

        var byKey = entries.ToDictionary(e => e.Key, e => Encoding.UTF8.GetString(e.Item.Value.Span));
        Assert.Equal(keys.Length, byKey.Count);
        Assert.All(keys.Select((k, i) => (k, i)), x => Assert.Equal($"{x.i}", byKey[x.k]));
    }

    [Fact]
    public async Task Bulk_calls_of_nothing_do_nothing()
    {
        Assert.Empty(await Store.BulkGetAsync([], 0, Cancel));
        await Store.BulkSetAsync([], Cancel);
        await Store.BulkDeleteAsync([], Cancel);
    }

    [Fact]
    public async Task A_bulk_delete_removes_all_and_does_not_mind_missing_ones()
    {
        await Store.BulkSetAsync([SetOf(Key("a"), "1"), SetOf(Key("b"), "2"), SetOf(Key("c"), "3")], Cancel);

        await Store.BulkDeleteAsync([new(Key("a")), new(Key("missing")), new(Key("b"))], Cancel);

        await AssertMissingAsync(Key("a"));
        await AssertMissingAsync(Key("b"));
        Assert.Equal("3", await TextAsync(Key("c")));
    }

    [Fact]
    public async Task A_bulk_write_with_one_bad_ETag_fails_for_that_key_alone()
    {
        await Store.BulkSetAsync([SetOf(Key("a"), "1"), SetOf(Key("b"), "1"), SetOf(Key("c"), "1")], Cancel);

        var error = await Assert.ThrowsAsync<BulkStateException>(async () => await Store.BulkSetAsync(
            [SetOf(Key("a"), "2", await ETagAsync(Key("a"))), SetOf(Key("b"), "2", BadETag), SetOf(Key("c"), "2")], Cancel));

        var failure = Assert.Single(error.Failures);
        Assert.Equal(Key("b"), failure.Key);
        Assert.IsType<ETagMismatchException>(failure.Value);
        Assert.Equal("2", await TextAsync(Key("a")));
        Assert.Equal("1", await TextAsync(Key("b")));
        Assert.Equal("2", await TextAsync(Key("c")));
    }

    [Fact]
    public async Task A_bulk_delete_with_one_bad_ETag_fails_for_that_key_alone()
    {
        await Store.BulkSetAsync([SetOf(Key("a"), "1"), SetOf(Key("b"), "1"), SetOf(Key("c"), "1")], Cancel);

        var error = await Assert.ThrowsAsync<BulkStateException>(async () => await Store.BulkDeleteAsync(
            [new(Key("a")) { ETag = await ETagAsync(Key("a")) }, new(Key("b")) { ETag = BadETag }, new(Key("c"))], Cancel));

        var failure = Assert.Single(error.Failures);
        Assert.Equal(Key("b"), failure.Key);
        Assert.IsType<ETagMismatchException>(failure.Value);
        await AssertMissingAsync(Key("a"));
        Assert.Equal("1", await TextAsync(Key("b")));
        await AssertMissingAsync(Key("c"));
    }

    [Fact]
    public async Task A_bulk_call_of_one_item_fails_as_the_single_call_does()
    {
        await SetAsync(Key("a"), "1");

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await Store.BulkSetAsync([SetOf(Key("a"), "2", BadETag)], Cancel));
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await Store.BulkDeleteAsync([new(Key("a")) { ETag = BadETag }], Cancel));

        Assert.Equal("1", await TextAsync(Key("a")));
    }
}
