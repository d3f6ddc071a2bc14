using System.Text;
using System.Text.Json;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Values of every type, missing keys, features.</summary>
public abstract partial class StateStoreConformance
{
    public static TheoryData<string> JsonValues =>
    [
        "42", "-7", "0", "9007199254740991", "1.5", "true", "false", "\"a text\"", "\"\"", "\"42\"", "\"{\\\"a\\\":1}\"", "null",
        "\"grüße 😀 日本語\"", "\"quotes ' and \\\" and \\\\ and % and _ and \\n\"", "\"<b>&</b>\"",
        "{}", "[]", "[1,2,3]", "[\"a\",{\"b\":[true,null]}]", "{\"message\":\"hello\",\"count\":3,\"nested\":{\"list\":[1,2]}}",
    ];

    public static TheoryData<string> AwkwardKeys =>
    [
        "with space", "with'quote", "with\"double", "with%percent", "with_underscore", "with*star?[x]", "with\\backslash",
        "with:colon/slash", "ключ-日本-😀", "UPPER", "{braces}", "a||b||c",
    ];

    [Theory]
    [MemberData(nameof(JsonValues))]
    public async Task A_JSON_value_comes_back_as_its_JSON_text(string json)
    {
        var key = Key("json");

        await SetAsync(key, json);

        using var expected = JsonDocument.Parse(json);
        using var actual = JsonDocument.Parse((await GetAsync(key)).Value);
        Assert.True(JsonElement.DeepEquals(expected.RootElement, actual.RootElement), $"wrote {json}, read {await TextAsync(key)}");
    }

    [Fact]
    public async Task Bytes_come_back_as_they_were()
    {
        var all = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();
        byte[][] values = [all, [0], [0xff, 0xfe], .. ((string[])["plain text", "{\"looks\": \"like JSON\"}", "\"YQ==\""]).Select(Encoding.UTF8.GetBytes)];
        foreach (var bytes in values)
        {
            var key = Key("bytes");

            await Store.SetAsync(new StateSet(key, Raw(bytes)), Cancel);

            Assert.Equal(bytes, (await GetAsync(key)).Value.ToArray());
        }
    }

    [Fact]
    public async Task JSON_and_bytes_can_follow_each_other_under_one_key()
    {
        var key = Key("changing");

        await SetAsync(key, "{\"a\":1}");
        await Store.SetAsync(new StateSet(key, Raw(1, 2, 3)), Cancel);
        Assert.Equal([1, 2, 3], (await GetAsync(key)).Value.ToArray());
        await SetAsync(key, "7");

        Assert.Equal("7", await TextAsync(key));
    }

    [Fact]
    public async Task A_value_of_a_megabyte_is_kept()
    {
        var bytes = new byte[1024 * 1024];
        new Random(4711).NextBytes(bytes);
        await Store.SetAsync(new StateSet(Key("large"), Raw(bytes)), Cancel);
        var text = "\"" + new string('x', 1024 * 1024) + "\"";
        await SetAsync(Key("long"), text);

        var read = (await GetAsync(Key("large"))).Value;
        Assert.True(read.Span.SequenceEqual(bytes), "a megabyte of bytes changed on its way");
        Assert.True(text == await TextAsync(Key("long")), "a megabyte of text changed on its way");
    }

    [Fact]
    public async Task A_value_without_bytes_reads_as_no_value()
    {
        await Store.SetAsync(new StateSet(Key("empty"), Raw()), Cancel);

        Assert.True((await GetAsync(Key("empty"))).Value.IsEmpty);
    }

    [Theory]
    [MemberData(nameof(AwkwardKeys))]
    public async Task A_key_may_hold_any_characters(string name)
    {
        await SetAsync(Key(name), "1");
        await SetAsync(Key("other"), "2");
        Assert.Equal("1", await TextAsync(Key(name)));
        var page = await Listing.ListKeysAsync(Key(name), 0, null, Cancel);
        Assert.Equal([Key(name)], page.Keys);

        await DeleteAsync(Key(name));

        await AssertMissingAsync(Key(name));
        Assert.Equal("2", await TextAsync(Key("other")));
    }

    [Fact]
    public async Task Keys_differ_by_case()
    {
        await SetAsync(Key("case"), "1");
        await SetAsync(Key("CASE"), "2");

        Assert.Equal("1", await TextAsync(Key("case")));
        Assert.Equal("2", await TextAsync(Key("CASE")));
    }

    [Fact]
    public async Task A_missing_key_reads_as_nothing() => await AssertMissingAsync(Key("missing"));

    [Fact]
    public async Task Deleting_a_missing_key_is_no_error()
    {
        await DeleteAsync(Key("missing"));

        await AssertMissingAsync(Key("missing"));
    }

    [Fact]
    public async Task A_deleted_item_is_gone()
    {
        await SetAsync(Key("a"), "1");

        await DeleteAsync(Key("a"));

        await AssertMissingAsync(Key("a"));
    }

    [Fact]
    public async Task A_later_write_replaces_an_earlier_one()
    {
        await SetAsync(Key("a"), "1");
        await SetAsync(Key("a"), "{\"b\":2}");

        Assert.Equal("2", JsonDocument.Parse((await GetAsync(Key("a"))).Value).RootElement.GetProperty("b").GetRawText());
    }

    [Fact]
    public void The_features_it_names_are_the_interfaces_it_has()
    {
        Assert.Equal(ExpectedFeatures, Store.Features);
        Assert.Equal(Store.Features.HasFlag(StateFeatures.Transactional), Store is ITransactionalStateStore);
        Assert.Equal(Store.Features.HasFlag(StateFeatures.KeyListing), Store is IKeyListingStateStore);
        Assert.Equal(Store.Features.HasFlag(StateFeatures.DeleteWithPrefix), Store is IPrefixDeletingStateStore);
    }

    [Fact]
    public async Task A_second_instance_sees_what_the_first_wrote_and_outlives_it()
    {
        await SetAsync(Key("shared"), "1");
        await using var second = await CreateAsync(null);
        if (!InstancesShareData)
        {
            Assert.True((await second.GetAsync(new StateGet(Key("shared")), Cancel)).Value.IsEmpty);
            return;
        }

        await Store.DisposeAsync();
        store = null;

        var item = await second.GetAsync(new StateGet(Key("shared")), Cancel);
        Assert.Equal("1", Encoding.UTF8.GetString(item.Value.Span));
    }

    /// <summary>Whether two instances of the same settings have the same items.</summary>
    protected virtual bool InstancesShareData => true;
}
