namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Listing keys by prefix.</summary>
public abstract partial class StateStoreConformance
{
    [Theory]
    [InlineData("a%")]
    [InlineData("a_")]
    [InlineData("a*")]
    [InlineData("a?")]
    [InlineData("a[b]")]
    [InlineData("a\\")]
    [InlineData("A")]
    [InlineData("ä😀")]
    [InlineData("a||b||")]
    public async Task A_prefix_is_compared_exactly(string name)
    {
        foreach (var other in (string[])["ax1", "a1", "ab1", "B1", "a||bx1", "ä1", "", "1"])
        {
            await SetAsync(Key(other), "1");
        }

        await SetAsync(Key(name + "1"), "1");
        await SetAsync(Key(name + "2"), "1");

        var page = await Listing.ListKeysAsync(Key(name), 0, null, Cancel);

        Assert.Equal([Key(name + "1"), Key(name + "2")], page.Keys.Order(StringComparer.Ordinal));
        Assert.Null(page.Next);
    }

    [Fact]
    public async Task A_key_that_is_the_prefix_is_listed_and_a_shorter_one_is_not()
    {
        await SetAsync(Key("ab"), "1");
        await SetAsync(Key("a"), "1");

        Assert.Equal([Key("ab")], (await Listing.ListKeysAsync(Key("ab"), 0, null, Cancel)).Keys);
    }

    [Fact]
    public async Task A_prefix_that_no_key_has_lists_nothing()
    {
        var page = await Listing.ListKeysAsync(Key("none"), 10, null, Cancel);

        Assert.Empty(page.Keys);
        Assert.Null(page.Next);
    }

    [Fact]
    public async Task An_empty_prefix_is_refused()
        => await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Listing.ListKeysAsync("", 0, null, Cancel));

    [Fact]
    public async Task A_foreign_continuation_is_refused()
    {
        await SetAsync(Key("a"), "1");

        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Listing.ListKeysAsync(Key(""), 1, "!not a token!", Cancel));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(5000)]
    public async Task More_than_a_thousand_keys_fit_one_call(int pageSize)
    {
        var keys = await WriteManyAsync(1025);

        var page = await Listing.ListKeysAsync(Key("n"), pageSize, null, Cancel);

        Assert.Equal(keys, page.Keys.Order(StringComparer.Ordinal));
        Assert.Null(page.Next);
    }

    [Theory]
    [InlineData(25, 10)]
    [InlineData(30, 10)]
    [InlineData(1, 1)]
    [InlineData(5, 1)]
    public async Task Paging_returns_every_key_exactly_once(int count, int pageSize)
    {
        var keys = await WriteManyAsync(count);
        List<string> listed = [];
        string? next = null;
        var pages = 0;
        do
        {
            var page = await Listing.ListKeysAsync(Key("n"), pageSize, next, Cancel);
            Assert.InRange(page.Keys.Count, 1, pageSize);
            listed.AddRange(page.Keys);
            next = page.Next;
            pages++;
        }
        while (next is not null);

        Assert.Equal(keys, listed.Order(StringComparer.Ordinal));
        Assert.Equal((count + pageSize - 1) / pageSize, pages);
    }

    [Fact]
    public async Task Deleting_listed_keys_between_pages_neither_skips_nor_repeats()
    {
        var keys = await WriteManyAsync(1100);
        List<string> listed = [];
        string? next = null;
        do
        {
            var page = await Listing.ListKeysAsync(Key("n"), 97, next, Cancel);
            listed.AddRange(page.Keys);
            await Store.BulkDeleteAsync([.. page.Keys.Select(k => new StateDelete(k))], Cancel);
            next = page.Next;
        }
        while (next is not null);

        Assert.Equal(keys, listed.Order(StringComparer.Ordinal));
        Assert.Empty((await Listing.ListKeysAsync(Key("n"), 0, null, Cancel)).Keys);
    }

    [Fact]
    public async Task Expired_and_deleted_keys_are_not_listed()
    {
        await SetAsync(Key("n1"), "1", ttl: "1");
        await SetAsync(Key("n2"), "1", ttl: "3600");
        await SetAsync(Key("n3"), "1");
        await SetAsync(Key("n4"), "1");
        await DeleteAsync(Key("n4"));

        await WaitUntilExpiredAsync(Key("n1"));

        Assert.Equal([Key("n2"), Key("n3")], (await Listing.ListKeysAsync(Key("n"), 0, null, Cancel)).Keys.Order(StringComparer.Ordinal));
    }

    private async Task<string[]> WriteManyAsync(int count)
    {
        var keys = Enumerable.Range(0, count).Select(i => Key($"n{i:D5}")).ToArray();
        await Store.BulkSetAsync([.. keys.Select(k => SetOf(k, "1"))], Cancel);
        return keys;
    }
}
