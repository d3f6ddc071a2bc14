namespace DaprK8s.Components.Tests.Conformance;

/// <summary>Optimistic concurrency.</summary>
public abstract partial class StateStoreConformance
{
    private const StateConcurrency First = StateConcurrency.FirstWrite;

    [Fact]
    public async Task A_write_with_the_current_ETag_succeeds_and_changes_it()
    {
        await SetAsync(Key("a"), "1");
        var before = await ETagAsync(Key("a"));

        await SetAsync(Key("a"), "2", before);

        Assert.Equal("2", await TextAsync(Key("a")));
        Assert.NotEqual(before, await ETagAsync(Key("a")));
    }

    [Fact]
    public async Task Every_write_changes_the_ETag_even_of_the_same_value()
    {
        HashSet<string> seen = [];
        for (var i = 0; i < 5; i++)
        {
            await SetAsync(Key("a"), "1");
            Assert.True(seen.Add(await ETagAsync(Key("a"))), "an ETag was used twice");
        }
    }

    [Theory]
    [InlineData(StateConcurrency.Unspecified)]
    [InlineData(StateConcurrency.FirstWrite)]
    public async Task A_write_with_an_old_ETag_is_refused(StateConcurrency concurrency)
    {
        await SetAsync(Key("a"), "1");
        var old = await ETagAsync(Key("a"));
        await SetAsync(Key("a"), "2");

        var error = await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("a"), "3", old, concurrency));

        Assert.StartsWith("possible etag mismatch. error from state store", error.Message, StringComparison.Ordinal);
        Assert.Equal("2", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_write_with_a_bad_ETag_is_refused()
    {
        await SetAsync(Key("a"), "1");

        await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("a"), "2", BadETag));

        Assert.Equal("1", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_write_with_an_ETag_of_a_missing_item_is_refused()
    {
        await SetAsync(Key("a"), "1");
        var old = await ETagAsync(Key("a"));
        await DeleteAsync(Key("a"));
        if (!WriteByETagNeedsItem)
        {
            await SetAsync(Key("a"), "2", old, First);
            Assert.Equal("2", await TextAsync(Key("a")));
            return;
        }

        await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("a"), "2", old, First));
        await AssertMissingAsync(Key("a"));
    }

    /// <summary>Whether a write with an ETag is refused when there is no item (redis takes it for a new one).</summary>
    protected virtual bool WriteByETagNeedsItem => true;

    [Fact]
    public async Task An_empty_ETag_is_none()
    {
        await SetAsync(Key("a"), "1", "");
        await SetAsync(Key("a"), "2", "");
        Assert.Equal("2", await TextAsync(Key("a")));

        await DeleteAsync(Key("a"), "");

        await AssertMissingAsync(Key("a"));
    }

    [Fact]
    public async Task A_delete_with_an_old_or_bad_ETag_is_refused_and_with_the_current_one_done()
    {
        await SetAsync(Key("a"), "1");
        var old = await ETagAsync(Key("a"));
        await SetAsync(Key("a"), "2");

        await Assert.ThrowsAsync<ETagMismatchException>(() => DeleteAsync(Key("a"), old));
        await Assert.ThrowsAsync<ETagMismatchException>(() => DeleteAsync(Key("a"), BadETag));
        Assert.Equal("2", await TextAsync(Key("a")));

        await DeleteAsync(Key("a"), await ETagAsync(Key("a")));
        await AssertMissingAsync(Key("a"));
    }

    [Fact]
    public async Task Of_two_first_writes_without_ETag_the_second_is_refused()
    {
        await SetAsync(Key("a"), "1", concurrency: First);

        await Assert.ThrowsAsync(FirstWriteRejection, () => SetAsync(Key("a"), "2", concurrency: First));

        Assert.Equal("1", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_first_write_succeeds_with_the_current_ETag_and_after_a_delete()
    {
        await SetAsync(Key("a"), "1", concurrency: First);
        var stale = await ETagAsync(Key("a"));
        await SetAsync(Key("a"), "2", stale, First);
        Assert.Equal("2", await TextAsync(Key("a")));
        await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("a"), "3", stale, First));

        await DeleteAsync(Key("a"));
        await SetAsync(Key("a"), "4", concurrency: First);

        Assert.Equal("4", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task A_first_write_over_a_plain_item()
    {
        await SetAsync(Key("a"), "1");
        if (FirstWriteSeesPlainItems)
        {
            await Assert.ThrowsAsync(FirstWriteRejection, () => SetAsync(Key("a"), "2", concurrency: First));
            Assert.Equal("1", await TextAsync(Key("a")));
            return;
        }

        await SetAsync(Key("a"), "2", concurrency: First);
        Assert.Equal("2", await TextAsync(Key("a")));
    }

    [Fact]
    public async Task Last_write_wins_without_ETag_and_honours_one_that_is_given()
    {
        await SetAsync(Key("a"), "1", concurrency: StateConcurrency.LastWrite);
        await SetAsync(Key("a"), "2", concurrency: StateConcurrency.LastWrite);
        Assert.Equal("2", await TextAsync(Key("a")));
        if (!LastWriteHonoursETag)
        {
            await SetAsync(Key("a"), "3", BadETag, StateConcurrency.LastWrite);
            Assert.Equal("3", await TextAsync(Key("a")));
            return;
        }

        await Assert.ThrowsAsync<ETagMismatchException>(() => SetAsync(Key("a"), "3", BadETag, StateConcurrency.LastWrite));
        Assert.Equal("2", await TextAsync(Key("a")));
    }

    /// <summary>Whether an ETag counts also for a last-write (redis ignores it).</summary>
    protected virtual bool LastWriteHonoursETag => true;

    [Fact]
    public async Task Of_many_first_writes_at_once_exactly_one_wins()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(async () =>
        {
            var error = await Record.ExceptionAsync(() => SetAsync(Key("race"), $"{i}", concurrency: First));
            return (Value: $"{i}", Error: error);
        })));

        var winner = Assert.Single(outcomes, o => o.Error is null);
        Assert.Equal(winner.Value, await TextAsync(Key("race")));
        Assert.All(outcomes.Where(o => o.Error is not null), o => Assert.IsType(FirstWriteRejection, o.Error));
    }

    [Fact]
    public async Task Increments_guarded_by_ETags_lose_nothing()
    {
        const int workers = 8;
        const int increments = 20;
        await SetAsync(Key("counter"), "0");

        await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(async () =>
        {
            for (var done = 0; done < increments;)
            {
                var item = await GetAsync(Key("counter"));
                var count = int.Parse(item.Value.Span, System.Globalization.CultureInfo.InvariantCulture);
                try
                {
                    await SetAsync(Key("counter"), $"{count + 1}", item.ETag, First);
                    done++;
                }
                catch (ETagMismatchException)
                {
                    continue;
                }
            }
        })));

        Assert.Equal($"{workers * increments}", await TextAsync(Key("counter")));
    }
}
