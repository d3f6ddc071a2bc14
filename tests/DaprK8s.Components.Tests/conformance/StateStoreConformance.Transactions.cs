using System.Text;

namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Transactions and their assertions.</summary>
public abstract partial class StateStoreConformance
{
    [Fact]
    public async Task A_transaction_applies_writes_and_deletes()
    {
        await SetAsync(Key("a"), "1");
        await SetAsync(Key("b"), "1");

        await TransactAsync(
            SetOf(Key("a"), "2"), new StateDelete(Key("b")), SetOf(Key("c"), "{\"x\":[1]}"), new StateDelete(Key("missing")),
            new StateSet(Key("d"), Raw(0, 1, 255)));

        Assert.Equal("2", await TextAsync(Key("a")));
        await AssertMissingAsync(Key("b"));
        Assert.Contains("[1]", await TextAsync(Key("c")), StringComparison.Ordinal);
        Assert.Equal([0, 1, 255], (await GetAsync(Key("d"))).Value.ToArray());
    }

    [Fact]
    public async Task A_transaction_of_nothing_succeeds() => await TransactAsync();

    [Fact]
    public async Task A_transaction_of_one_operation_works()
    {
        await TransactAsync(SetOf(Key("a"), "1"));
        Assert.Equal("1", await TextAsync(Key("a")));

        await TransactAsync(new StateDelete(Key("a")));

        await AssertMissingAsync(Key("a"));
    }

    [Fact]
    public async Task A_transaction_honours_the_order_of_operations_on_one_key()
    {
        await SetAsync(Key("c"), "0");

        await TransactAsync(
            SetOf(Key("a"), "1"), SetOf(Key("a"), "2"), SetOf(Key("a"), "3"),
            SetOf(Key("b"), "1"), new StateDelete(Key("b")),
            new StateDelete(Key("c")), SetOf(Key("c"), "1"));

        Assert.Equal("3", await TextAsync(Key("a")));
        await AssertMissingAsync(Key("b"));
        Assert.Equal("1", await TextAsync(Key("c")));
    }

    [Fact]
    public async Task A_transaction_takes_bytes_and_JSON_side_by_side()
    {
        var binary = Enumerable.Range(0, 256).Select(i => (byte)i).ToArray();

        await TransactAsync(
            new StateSet(Key("bytes"), Raw(binary)), SetOf(Key("number"), "5"), SetOf(Key("text"), "\"é'%_\\\"\""), SetOf(Key("flag"), "true"));

        Assert.Equal(binary, (await GetAsync(Key("bytes"))).Value.ToArray());
        Assert.Equal("5", await TextAsync(Key("number")));
        Assert.Equal("true", await TextAsync(Key("flag")));
        Assert.Equal("é'%_\"", System.Text.Json.JsonDocument.Parse((await GetAsync(Key("text"))).Value).RootElement.GetString());
    }

    [Fact]
    public async Task A_transaction_with_current_ETags_succeeds()
    {
        await SetAsync(Key("a"), "1");
        await SetAsync(Key("b"), "1");

        await TransactAsync(SetOf(Key("a"), "2", await ETagAsync(Key("a"))), new StateDelete(Key("b")) { ETag = await ETagAsync(Key("b")) });

        Assert.Equal("2", await TextAsync(Key("a")));
        await AssertMissingAsync(Key("b"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transaction_with_a_bad_ETag_changes_nothing(bool inDelete)
    {
        await SetAsync(Key("a"), "1");
        await SetAsync(Key("b"), "1");
        StateOperation bad = inDelete ? new StateDelete(Key("b")) { ETag = BadETag } : SetOf(Key("b"), "2", BadETag);

        await Assert.ThrowsAsync<ETagMismatchException>(() => TransactAsync(SetOf(Key("a"), "2"), bad, SetOf(Key("c"), "2")));

        Assert.Equal("1", await TextAsync(Key("b")));
        if (TransactionsRollBack)
        {
            Assert.Equal("1", await TextAsync(Key("a")));
            await AssertMissingAsync(Key("c"));
        }
    }

    [Fact]
    public async Task A_transaction_with_a_first_write_of_an_existing_key()
    {
        await SetAsync(Key("a"), "1", concurrency: First);
        StateOperation[] operations = [SetOf(Key("b"), "2"), SetOf(Key("a"), "2", concurrency: First)];
        if (!TransactionsHonourFirstWrite)
        {
            await TransactAsync(SetOf(Key("c"), "2", concurrency: First));
            await TransactAsync(SetOf(Key("c"), "3", concurrency: First));
            Assert.Equal("3", await TextAsync(Key("c")));
            return;
        }

        await Assert.ThrowsAsync(FirstWriteRejection, () => TransactAsync(operations));

        Assert.Equal("1", await TextAsync(Key("a")));
        await AssertMissingAsync(Key("b"));
    }

    [Fact]
    public async Task A_transaction_of_many_operations_is_applied_whole()
    {
        var count = Transactional.MaxTransactionOperations is > 0 and var most ? Math.Min(most, 500) : 500;
        var keys = Enumerable.Range(0, count).Select(i => Key($"n{i}")).ToArray();

        await TransactAsync([.. keys.Select((k, i) => SetOf(k, $"{i}"))]);

        var entries = await Store.BulkGetAsync([.. keys.Select(k => new StateGet(k))], 0, Cancel);
        var byKey = entries.ToDictionary(e => e.Key, e => Encoding.UTF8.GetString(e.Item.Value.Span));
        Assert.All(keys.Select((k, i) => (k, i)), x => Assert.Equal($"{x.i}", byKey[x.k]));
    }

    [Fact]
    public async Task A_transaction_whose_assertion_holds_is_applied_and_leaves_the_asserted_item_alone()
    {
        await SetAsync(Key("fence"), "1");
        var etag = await ETagAsync(Key("fence"));

        await TransactAsync(new StateAssert(Key("fence")) { ETag = etag }, SetOf(Key("a"), "1"), new StateDelete(Key("b")));

        Assert.Equal("1", await TextAsync(Key("a")));
        Assert.Equal("1", await TextAsync(Key("fence")));
        Assert.Equal(etag, await ETagAsync(Key("fence")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_transaction_whose_assertion_does_not_hold_writes_nothing(int position)
    {
        await SetAsync(Key("fence"), "1");
        var old = await ETagAsync(Key("fence"));
        await SetAsync(Key("fence"), "2");
        await SetAsync(Key("b"), "1");
        List<StateOperation> operations = [SetOf(Key("a"), "1"), new StateDelete(Key("b"))];
        operations.Insert(position, new StateAssert(Key("fence")) { ETag = old });

        await Assert.ThrowsAsync<ETagMismatchException>(() => TransactAsync([.. operations]));

        await AssertMissingAsync(Key("a"));
        Assert.Equal("1", await TextAsync(Key("b")));
        Assert.Equal("2", await TextAsync(Key("fence")));
    }

    [Fact]
    public async Task An_assertion_with_an_ETag_does_not_hold_for_a_missing_key()
    {
        await Assert.ThrowsAsync<ETagMismatchException>(
            () => TransactAsync(new StateAssert(Key("missing")) { ETag = BadETag }, SetOf(Key("a"), "1")));

        await AssertMissingAsync(Key("a"));
    }

    [Fact]
    public async Task An_assertion_without_an_ETag_holds_for_a_missing_key_only()
    {
        await TransactAsync(new StateAssert(Key("fence")), SetOf(Key("fence"), "1"), SetOf(Key("a"), "1"));
        Assert.Equal("1", await TextAsync(Key("a")));

        await Assert.ThrowsAsync<ETagMismatchException>(() => TransactAsync(new StateAssert(Key("fence")), SetOf(Key("a"), "2")));

        Assert.Equal("1", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task An_assertion_may_stand_alone()
    {
        await SetAsync(Key("fence"), "1");

        await TransactAsync(new StateAssert(Key("fence")) { ETag = await ETagAsync(Key("fence")) });
        await TransactAsync(new StateAssert(Key("missing")));

        await Assert.ThrowsAsync<ETagMismatchException>(() => TransactAsync(new StateAssert(Key("fence")) { ETag = BadETag }));
        await AssertMissingAsync(Key("missing"));
    }

    [Fact]
    public async Task Of_many_transactions_that_assert_and_change_the_same_item_exactly_one_wins()
    {
        await SetAsync(Key("fence"), "0");
        var etag = await ETagAsync(Key("fence"));

        var outcomes = await Task.WhenAll(Enumerable.Range(1, 20).Select(i => Task.Run(async () =>
        {
            var error = await Record.ExceptionAsync(() => TransactAsync(
                new StateAssert(Key("fence")) { ETag = etag }, SetOf(Key("fence"), $"{i}"), SetOf(Key($"trace{i}"), "1")));
            return (Number: i, Error: error);
        })));

        var winner = Assert.Single(outcomes, o => o.Error is null);
        Assert.Equal($"{winner.Number}", await TextAsync(Key("fence")));
        Assert.All(outcomes.Where(o => o.Error is not null), o => Assert.IsType<ETagMismatchException>(o.Error));
        Assert.Equal([Key($"trace{winner.Number}")], (await Listing.ListKeysAsync(Key("trace"), 0, null, Cancel)).Keys);
    }
}
