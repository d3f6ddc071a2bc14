using System.Text;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Items that expire.</summary>
public abstract partial class StateStoreConformance
{
    [Theory]
    [InlineData("abc")]
    [InlineData("1.5")]
    [InlineData("10s")]
    public async Task A_TTL_that_is_no_number_is_an_error_and_nothing_is_written(string ttl)
    {
        await Assert.ThrowsAnyAsync<Exception>(() => SetAsync(Key("a"), "1", ttl: ttl));
        await Assert.ThrowsAnyAsync<Exception>(() => TransactAsync(SetOf(Key("b"), "1"), SetOf(Key("a"), "1", ttl: ttl)));

        await AssertMissingAsync(Key("a"));
        await AssertMissingAsync(Key("b"));
    }

    [Fact]
    public async Task An_item_disappears_after_its_TTL()
    {
        await SetAsync(Key("a"), "1", ttl: "1");
        await SetAsync(Key("b"), "2", ttl: "3600");
        await SetAsync(Key("c"), "3");

        await WaitUntilExpiredAsync(Key("a"));

        await AssertMissingAsync(Key("a"));
        var entries = await Store.BulkGetAsync([new(Key("a")), new(Key("b")), new(Key("c"))], 0, Cancel);
        var byKey = entries.ToDictionary(e => e.Key, e => Encoding.UTF8.GetString(e.Item.Value.Span));
        Assert.Equal("", byKey[Key("a")]);
        Assert.Equal("2", byKey[Key("b")]);
        Assert.Equal("3", byKey[Key("c")]);
    }

    [Fact]
    public async Task A_read_tells_when_the_item_expires()
    {
        await SetAsync(Key("a"), "1", ttl: "3600");
        await SetAsync(Key("b"), "1");

        var single = (await GetAsync(Key("a"))).Expires;
        var entries = await Store.BulkGetAsync([new(Key("a")), new(Key("b"))], 0, Cancel);

        Assert.Null((await GetAsync(Key("b"))).Expires);
        Assert.Null(entries.Single(e => e.Key == Key("b")).Item.Expires);
        Assert.Equal(single, entries.Single(e => e.Key == Key("a")).Item.Expires);
        if (!ReportsExpiry)
        {
            Assert.Null(single);
            return;
        }

        Assert.NotNull(single);
        Assert.Equal(TimeSpan.Zero, single.Value.Offset);
        Assert.InRange(single.Value, Now.AddMinutes(50), Now.AddMinutes(61));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData(null)]
    public async Task A_write_without_a_TTL_makes_an_expiring_item_permanent(string? ttl)
    {
        await SetAsync(Key("a"), "1", ttl: "1");
        await SetAsync(Key("a"), "2", ttl: ttl);
        if (ttl is null && !WriteWithoutTtlClearsIt)
        {
            await WaitUntilExpiredAsync(Key("a"));
            return;
        }

        Assert.Null((await GetAsync(Key("a"))).Expires);
        await WaitOneSecondOfTtlAsync();

        Assert.Equal("2", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_write_replaces_the_TTL_also_with_an_ETag()
    {
        await SetAsync(Key("a"), "1", ttl: "1");
        await SetAsync(Key("b"), "1", ttl: "3600");
        await SetAsync(Key("c"), "1");
        await SetAsync(Key("a"), "2", ttl: "3600");
        await SetAsync(Key("b"), "2", await ETagAsync(Key("b")), ttl: "1");
        await SetAsync(Key("c"), "2", await ETagAsync(Key("c")), ttl: "1");

        await WaitUntilExpiredAsync(Key("b"));
        await WaitUntilExpiredAsync(Key("c")); // Written after "a", whose first second is over now as well.

        Assert.Equal("2", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_TTL_works_inside_a_transaction()
    {
        await SetAsync(Key("c"), "0", ttl: "1");
        await TransactAsync(SetOf(Key("a"), "1", ttl: "1"), SetOf(Key("b"), "2", ttl: "3600"), SetOf(Key("c"), "3", ttl: "-1"));

        await WaitUntilExpiredAsync(Key("a")); // Written after "c", whose second is over now as well.

        Assert.Equal("2", await TextAsync(Key("b")));
        Assert.Equal("3", await TextAsync(Key("c")));
    }

    [Fact]
    public async Task An_expired_item_counts_as_absent()
    {
        string[] names = ["set", "delete", "first", "plain", "assert"];
        foreach (var name in names)
        {
            await SetAsync(Key(name), "1", ttl: "60");
        }

        var etags = new Dictionary<string, string>();
        foreach (var name in names)
        {
            await SetAsync(Key(name), "2", ttl: "1");
            etags[name] = (await GetAsync(Key(name))).ETag ?? BadETag;
        }

        foreach (var name in names)
        {
            await WaitUntilExpiredAsync(Key(name));
        }

        if (WriteByETagNeedsItem)
        {
            await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("set"), "3", etags["set"]));
            await AssertMissingAsync(Key("set"));
        }
        else
        {
            await SetAsync(Key("set"), "3", etags["set"]);
            Assert.Equal("3", await TextAsync(Key("set")));
        }

        if (DeleteByETagSeesExpiredItems)
        {
            await DeleteAsync(Key("delete"), etags["delete"]);
        }
        else
        {
            await Assert.ThrowsAsync<ETagMismatchException>(() => DeleteAsync(Key("delete"), etags["delete"]));
        }

        await SetAsync(Key("first"), "3", concurrency: First);
        await DeleteAsync(Key("plain"));
        await TransactAsync(new StateAssert(Key("assert")), SetOf(Key("assert"), "3"));

        await AssertMissingAsync(Key("delete"));
        Assert.Equal("3", await TextAsync(Key("first")));
        Assert.Equal("3", await TextAsync(Key("assert")));
    }
}
