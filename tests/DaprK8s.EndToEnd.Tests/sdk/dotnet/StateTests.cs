using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dapr;
using Dapr.Client;
using DaprK8s.EndToEnd.Tests.Fixture;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Sdk.DotNet;

/// <summary>State through <see cref="DaprClient"/>, on every kind of store.</summary>
public class StateTests(Sidecars sidecars) : IClassFixture<Sidecars>
{
    private const string Store = "statestore";

    /// <summary>Tests share stores, so each has keys of its own.</summary>
    private readonly string key = $"key-{Guid.NewGuid():N}";

    public sealed record Order(string Sku, int Quantity);

    [Theory, OnEveryBackend]
    public async Task A_saved_object_is_read_back_and_a_missing_one_is_null(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();

        Assert.Null(await dapr.GetStateAsync<Order?>(Store, key));
        await dapr.SaveStateAsync(Store, key, new Order("tea", 2));

        Assert.Equal(new Order("tea", 2), await dapr.GetStateAsync<Order?>(Store, key, ConsistencyMode.Strong));
    }

    [Theory, OnEveryBackend]
    public async Task A_deleted_object_is_gone_and_deleting_it_again_is_no_error(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, new Order("tea", 2));

        await dapr.DeleteStateAsync(Store, key);
        await dapr.DeleteStateAsync(Store, key);

        Assert.Null(await dapr.GetStateAsync<Order?>(Store, key));
    }

    [Theory, OnEveryBackend]
    public async Task A_write_with_a_stale_etag_is_refused_and_changes_nothing(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, 1);
        var (_, stale) = await dapr.GetStateAndETagAsync<int>(Store, key);

        Assert.True(await dapr.TrySaveStateAsync(Store, key, 2, stale));
        Assert.False(await dapr.TrySaveStateAsync(Store, key, 3, stale));

        var (value, fresh) = await dapr.GetStateAndETagAsync<int>(Store, key);
        Assert.Equal(2, value);
        Assert.NotEqual(stale, fresh);
    }

    [Theory, OnEveryBackend]
    public async Task A_delete_with_a_stale_etag_is_refused(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, 1);
        var (_, stale) = await dapr.GetStateAndETagAsync<int>(Store, key);
        await dapr.SaveStateAsync(Store, key, 2);
        var (_, fresh) = await dapr.GetStateAndETagAsync<int>(Store, key);

        Assert.False(await dapr.TryDeleteStateAsync(Store, key, stale));
        Assert.Equal(2, await dapr.GetStateAsync<int>(Store, key));
        Assert.True(await dapr.TryDeleteStateAsync(Store, key, fresh));
        Assert.Equal(0, await dapr.GetStateAsync<int>(Store, key));
    }

    [Theory, OnEveryBackend]
    public async Task Only_the_first_of_two_first_writes_is_taken(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        var firstWrite = new StateOptions { Concurrency = ConcurrencyMode.FirstWrite };
        await dapr.SaveStateAsync(Store, key, 1, firstWrite);

        await Assert.ThrowsAsync<DaprException>(() => dapr.SaveStateAsync(Store, key, 2, firstWrite));

        Assert.Equal(1, await dapr.GetStateAsync<int>(Store, key));
    }

    [Theory, OnEveryBackend]
    public async Task One_of_many_writers_with_the_same_etag_wins(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, 0);
        var (_, etag) = await dapr.GetStateAndETagAsync<int>(Store, key);

        var taken = await Task.WhenAll(Enumerable.Range(1, 20).Select(i => dapr.TrySaveStateAsync(Store, key, i, etag)));

        Assert.Single(taken, t => t);
        Assert.Equal(Array.IndexOf(taken, true) + 1, await dapr.GetStateAsync<int>(Store, key));
    }

    [Theory, OnEveryBackend]
    public async Task Many_objects_are_saved_read_and_deleted_at_once(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        var keys = Enumerable.Range(0, 25).Select(i => $"{key}-{i}").ToArray();
        await dapr.SaveBulkStateAsync(Store, [.. keys.Select((k, i) => new SaveStateItem<Order>(k, new Order("tea", i), etag: ""))]);

        var read = await dapr.GetBulkStateAsync<Order?>(Store, [.. keys, $"{key}-missing"], parallelism: 4);
        Assert.Equal(keys.Length + 1, read.Count);
        Assert.All(keys.Select((k, i) => (k, i)), x => Assert.Equal(new Order("tea", x.i), read.Single(r => r.Key == x.k).Value));
        Assert.Null(read.Single(r => r.Key == $"{key}-missing").Value);

        await dapr.DeleteBulkStateAsync(Store, [.. read.Where(r => r.ETag.Length > 0).Select(r => new BulkDeleteStateItem(r.Key, r.ETag))]);
        Assert.All(await dapr.GetBulkStateAsync(Store, keys, parallelism: null), r => Assert.Equal("", r.Value));
    }

    [Theory, OnEveryBackend]
    public async Task A_transaction_writes_and_deletes_together(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, "old");

        await dapr.ExecuteStateTransactionAsync(Store,
        [
            new StateTransactionRequest($"{key}-1", JsonSerializer.SerializeToUtf8Bytes("one"), StateOperationType.Upsert),
            new StateTransactionRequest($"{key}-2", JsonSerializer.SerializeToUtf8Bytes("two"), StateOperationType.Upsert),
            new StateTransactionRequest(key, null, StateOperationType.Delete),
        ]);

        Assert.Equal("one", await dapr.GetStateAsync<string>(Store, $"{key}-1"));
        Assert.Equal("two", await dapr.GetStateAsync<string>(Store, $"{key}-2"));
        Assert.Null(await dapr.GetStateAsync<string?>(Store, key));
    }

    // Redis does not take back what a transaction has done; Dapr's store does not either.
    [Theory]
    [InlineData(Backend.InMemory)]
    [InlineData(Backend.PostgresAndRabbitMq)]
    public async Task A_transaction_with_a_stale_etag_changes_nothing(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, "old");
        var (_, stale) = await dapr.GetStateAndETagAsync<string>(Store, key);
        await dapr.SaveStateAsync(Store, key, "new");

        await Assert.ThrowsAsync<DaprException>(() => dapr.ExecuteStateTransactionAsync(Store,
        [
            new StateTransactionRequest($"{key}-1", JsonSerializer.SerializeToUtf8Bytes("one"), StateOperationType.Upsert),
            new StateTransactionRequest(key, JsonSerializer.SerializeToUtf8Bytes("newer"), StateOperationType.Upsert, stale),
        ]));

        Assert.Null(await dapr.GetStateAsync<string?>(Store, $"{key}-1"));
        Assert.Equal("new", await dapr.GetStateAsync<string>(Store, key));
    }

    [Theory, OnEveryBackend]
    public async Task An_object_with_a_time_to_live_goes_away(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        await dapr.SaveStateAsync(Store, key, "short", metadata: new Dictionary<string, string> { ["ttlInSeconds"] = "2" });
        await dapr.SaveStateAsync(Store, $"{key}-kept", "long", metadata: new Dictionary<string, string> { ["ttlInSeconds"] = "600" });

        Assert.Equal("short", await dapr.GetStateAsync<string?>(Store, key));
        await Eventually.TrueAsync(async () => await dapr.GetStateAsync<string?>(Store, key) is null, "the object's end");
        Assert.Equal("long", await dapr.GetStateAsync<string?>(Store, $"{key}-kept"));
    }

    [Theory, OnEveryBackend]
    public async Task Bytes_that_are_no_text_come_back_as_they_were(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        var bytes = RandomNumberGenerator.GetBytes(1 << 20);

        await dapr.SaveByteStateAsync(Store, key, bytes);

        Assert.Equal(bytes, (await dapr.GetByteStateAsync(Store, key)).ToArray());
    }

    [Theory, OnEveryBackend]
    public async Task An_entry_is_changed_until_somebody_else_was_quicker(Backend backend)
    {
        using var dapr = (await sidecars.WithAsync(backend)).CreateSdkClient();
        var entry = await dapr.GetStateEntryAsync<Order>(Store, key);
        entry.Value = new Order("tea", 1);
        Assert.True(await entry.TrySaveAsync());

        var mine = await dapr.GetStateEntryAsync<Order>(Store, key);
        var theirs = await dapr.GetStateEntryAsync<Order>(Store, key);
        theirs.Value = new Order("tea", 2);
        Assert.True(await theirs.TrySaveAsync());
        mine.Value = new Order("tea", 3);
        Assert.False(await mine.TrySaveAsync());

        Assert.Equal(2, (await dapr.GetStateAsync<Order>(Store, key)).Quantity);
    }

    [Fact]
    public async Task A_store_that_nobody_configured_is_told_by_name()
    {
        using var dapr = (await sidecars.WithAsync(Backend.InMemory)).CreateSdkClient();

        var error = await Assert.ThrowsAsync<DaprException>(() => dapr.GetStateAsync<string>("nowhere", key));

        var status = Assert.IsType<RpcException>(error.InnerException).Status;
        Assert.Equal(StatusCode.InvalidArgument, status.StatusCode);
        Assert.Contains("nowhere", status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_with_the_separator_of_prefixes_is_refused()
    {
        using var dapr = (await sidecars.WithAsync(Backend.InMemory)).CreateSdkClient();

        var error = await Assert.ThrowsAsync<DaprException>(() => dapr.SaveStateAsync(Store, "one||two", "x"));

        Assert.Equal(StatusCode.InvalidArgument, Assert.IsType<RpcException>(error.InnerException).StatusCode);
    }

    [Fact]
    public async Task A_value_above_the_size_limit_is_refused_and_the_connection_goes_on()
    {
        using var dapr = (await sidecars.WithAsync(Backend.InMemory)).CreateSdkClient();

        var error = await Assert.ThrowsAsync<DaprException>(() => dapr.SaveByteStateAsync(Store, key, new byte[5 << 20]));

        Assert.Equal(StatusCode.ResourceExhausted, Assert.IsType<RpcException>(error.InnerException).StatusCode);
        await dapr.SaveByteStateAsync(Store, key, Encoding.UTF8.GetBytes("small"));
        Assert.Equal("small", Encoding.UTF8.GetString((await dapr.GetByteStateAsync(Store, key)).Span));
    }
}
