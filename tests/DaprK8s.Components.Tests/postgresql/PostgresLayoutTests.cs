using System.Globalization;
using System.Text;

namespace DaprK8s.Components.Tests.PostgreSql;

/// <summary>Tables, columns and values as Dapr has them: what one writes, the other reads.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresLayoutTests(PostgresFixture fixture) : PostgresStateTests
{
    private static string ColumnsOf(string table) =>
        $"""
        SELECT column_name, data_type, is_nullable, coalesce(column_default, ''), is_identity, coalesce(identity_generation, '')
        FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position
        """;

    private static string IndexesOf(string table)
        => $"SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY indexname";

    [Fact]
    public async Task V1_makes_the_table_of_Dapr()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v1");

        Assert.Equal(
            [
                "key|text|NO||NO|",
                "value|jsonb|NO||NO|",
                "isbinary|boolean|NO||NO|",
                "insertdate|timestamp with time zone|NO|now()|NO|",
                "updatedate|timestamp with time zone|YES||NO|",
                "expiredate|timestamp with time zone|YES||NO|",
                "row_id|bigint|NO||YES|BY DEFAULT",
            ],
            await database.RowsAsync(ColumnsOf("state")));
        Assert.Equal(
            [
                "CREATE UNIQUE INDEX state_pkey ON public.state USING btree (key)",
                "CREATE UNIQUE INDEX state_row_id_uidx ON public.state USING btree (row_id)",
            ],
            await database.RowsAsync(IndexesOf("state")));
        Assert.Equal(["key|text|NO||NO|", "value|text|NO||NO|"], await database.RowsAsync(ColumnsOf("dapr_metadata")));
        Assert.Equal(["lock|lock", "migrations|3"], await database.RowsAsync("SELECT key, value FROM dapr_metadata ORDER BY key"));
    }

    [Fact]
    public async Task V2_makes_the_table_of_Dapr()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v2");

        Assert.Equal(
            [
                "key|text|NO||NO|",
                "value|bytea|NO||NO|",
                "etag|uuid|NO|gen_random_uuid()|NO|",
                "created_at|timestamp with time zone|NO|now()|NO|",
                "updated_at|timestamp with time zone|YES||NO|",
                "expires_at|timestamp with time zone|YES||NO|",
                "row_id|bigint|NO||YES|BY DEFAULT",
            ],
            await database.RowsAsync(ColumnsOf("state")));
        Assert.Equal(
            [
                "CREATE INDEX state_expires_at_idx ON public.state USING btree (expires_at)",
                "CREATE UNIQUE INDEX state_pkey ON public.state USING btree (key)",
                "CREATE UNIQUE INDEX state_row_id_uidx ON public.state USING btree (row_id)",
            ],
            await database.RowsAsync(IndexesOf("state")));
        Assert.Equal(["lock|lock", "migrations-state-v2-|2"], await database.RowsAsync("SELECT key, value FROM dapr_metadata ORDER BY key"));
    }

    [Fact]
    public async Task V1_keeps_JSON_as_jsonb_and_bytes_as_a_base64_string()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v1");
        await store.SetAsync(SetOf("app||json", "{\"b\":1,\"a\":\"<é>\"}"), Cancel);
        await store.SetAsync(SetOf("app||text", "\"AQI=\""), Cancel);
        await store.SetAsync(BytesOf("app||bytes", 0, 255, 16), Cancel);
        await store.SetAsync(BytesOf("app||none"), Cancel);
        await store.SetAsync(new StateSet("app||null", new StateValue(default, IsJson: true)), Cancel);

        Assert.Equal(
            [
                "app||bytes|\"AP8Q\"|True",
                "app||json|{\"a\": \"<é>\", \"b\": 1}|False",
                "app||none|\"\"|True",
                "app||null|null|False",
                "app||text|\"AQI=\"|False",
            ],
            await database.RowsAsync("SELECT key, value::text, isbinary FROM state ORDER BY key"));
    }

    [Fact]
    public async Task V2_keeps_the_bytes_that_it_is_given()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v2");
        await store.SetAsync(SetOf("app||json", "{\"b\":1,  \"a\":2}"), Cancel);
        await store.SetAsync(BytesOf("app||bytes", 0, 255, 16), Cancel);

        Assert.Equal(
            ["app||bytes|00ff10", "app||json|" + Convert.ToHexStringLower("{\"b\":1,  \"a\":2}"u8)],
            await database.RowsAsync("SELECT key, encode(value, 'hex') FROM state ORDER BY key"));
    }

    [Fact]
    public async Task V1_reads_rows_that_Dapr_wrote()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v1");
        await database.ExecuteAsync(
            """
            INSERT INTO state (key, value, isbinary) VALUES ('app||json', '{"a": [1, "x"]}', false);
            INSERT INTO state (key, value, isbinary) VALUES ('app||bytes', '"Cg9oZWxsby93b3JsZCsv/+8="', true);
            INSERT INTO state (key, value, isbinary, expiredate) VALUES ('app||live', '1', false, '2199-01-02T03:04:05.678Z');
            INSERT INTO state (key, value, isbinary, expiredate) VALUES ('app||dead', '1', false, CURRENT_TIMESTAMP - interval '1 second');
            """);

        Assert.Equal("{\"a\": [1, \"x\"]}", await TextAsync(store, "app||json"));
        Assert.Equal(Convert.FromBase64String("Cg9oZWxsby93b3JsZCsv/+8="), (await GetAsync(store, "app||bytes")).Value.ToArray());
        Assert.Equal(DateTimeOffset.Parse("2199-01-02T03:04:05.678Z", CultureInfo.InvariantCulture), (await GetAsync(store, "app||live")).Expires);
        Assert.Equal(default, await GetAsync(store, "app||dead"));
        Assert.Equal(["app||json", "app||bytes", "app||live"], await KeysAsync(store, "app||"));
        Assert.Equal(await database.ScalarAsync<string>("SELECT xmin::text FROM state WHERE key = 'app||json'"), (await GetAsync(store, "app||json")).ETag);
    }

    [Fact]
    public async Task V2_reads_rows_that_Dapr_wrote()
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync("v2");
        await database.ExecuteAsync(
            """
            INSERT INTO state (key, value, etag) VALUES ('app||json', convert_to('{"a":1}', 'UTF8'), '6f1dd5b2-5d0b-4a3c-9d5e-0a1b2c3d4e5f');
            INSERT INTO state (key, value, expires_at) VALUES ('app||live', '\x00ff', '2199-01-02T03:04:05Z');
            INSERT INTO state (key, value, expires_at) VALUES ('app||dead', '\x01', CURRENT_TIMESTAMP - interval '1 second');
            """);

        var item = await GetAsync(store, "app||json");
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(item.Value.Span));
        Assert.Equal("6f1dd5b2-5d0b-4a3c-9d5e-0a1b2c3d4e5f", item.ETag);
        Assert.Equal([0, 255], (await GetAsync(store, "app||live")).Value.ToArray());
        Assert.Equal(default, await GetAsync(store, "app||dead"));
        Assert.Equal(["app||json", "app||live"], await KeysAsync(store, "app||"));
    }

    [Theory]
    [InlineData("v1", "insertdate", "updatedate", "expiredate")]
    [InlineData("v2", "created_at", "updated_at", "expires_at")]
    public async Task A_write_keeps_the_books_of_a_row(string version, string created, string updated, string expires)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version);
        await store.SetAsync(SetOf("k", "1", ttl: 100), Cancel);
        Assert.Equal(
            ["True|False|True"],
            await database.RowsAsync($"SELECT {created} <= now(), {updated} IS NOT NULL, {expires} BETWEEN now() + interval '90 s' AND now() + interval '100 s' FROM state"));
        await database.ExecuteAsync($"UPDATE state SET {created} = '2020-01-01'");

        await store.SetAsync(SetOf("k", "2", (await GetAsync(store, "k")).ETag), Cancel);

        Assert.Equal(
            ["True|True|True|1"],
            await database.RowsAsync($"SELECT {created} = '2020-01-01', {updated} IS NOT NULL, {expires} IS NULL, row_id FROM state"));
    }

    [Theory]
    [InlineData("not-a-number")]
    [InlineData("-1")]
    [InlineData("4294967296")]
    [InlineData(" 1")]
    public async Task V1_calls_an_ETag_that_is_no_32_bit_number_invalid(string etag)
    {
        await using var store = await fixture.Shared.StartStoreAsync("v1", new Dictionary<string, string> { ["tableName"] = "items" });
        await store.SetAsync(SetOf("app||k", "1"), Cancel);

        var errors = new[]
        {
            await Assert.ThrowsAsync<InvalidETagException>(async () => await store.SetAsync(SetOf("app||k", "2", etag), Cancel)),
            await Assert.ThrowsAsync<InvalidETagException>(async () => await store.DeleteAsync(new StateDelete("app||k") { ETag = etag }, Cancel)),
            await Assert.ThrowsAsync<InvalidETagException>(() => TransactAsync(store, SetOf("app||k", "2"), SetOf("app||k", "2", etag))),
        };

        Assert.All(errors, e => Assert.StartsWith("invalid etag value", e.Message, StringComparison.Ordinal));
        Assert.Equal("1", await TextAsync(store, "app||k"));
    }

    [Fact]
    public async Task V2_calls_an_ETag_that_is_no_UUID_a_mismatch()
    {
        await using var store = await fixture.Shared.StartStoreAsync("v2", new Dictionary<string, string> { ["tablePrefix"] = "v2_" });
        await store.SetAsync(SetOf("app||k", "1"), Cancel);

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.SetAsync(SetOf("app||k", "2", "not-a-uuid"), Cancel));
        await Assert.ThrowsAsync<ETagMismatchException>(() => TransactAsync(store, SetOf("app||k", "2"), new StateDelete("app||k") { ETag = "7" }));

        Assert.Equal("1", await TextAsync(store, "app||k"));
    }

    [Fact]
    public async Task A_first_write_that_came_second_says_that_no_item_was_updated()
    {
        await using var store = await fixture.Shared.StartStoreAsync("v2", new Dictionary<string, string> { ["tablePrefix"] = "v2_" });
        var first = SetOf($"first||{Guid.NewGuid()}", "1") with { Concurrency = StateConcurrency.FirstWrite };
        await store.SetAsync(first, Cancel);

        var error = await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.SetAsync(first, Cancel));

        Assert.Contains("no item was updated", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v1", "items", "tableName")]
    [InlineData("v2", "v2_", "tablePrefix")]
    public async Task Keys_must_not_be_empty(string version, string name, string field)
    {
        await using var store = await fixture.Shared.StartStoreAsync(version, new Dictionary<string, string> { [field] = name });

        var get = await Assert.ThrowsAsync<ArgumentException>(async () => await store.GetAsync(new StateGet(""), Cancel));
        var set = await Assert.ThrowsAsync<ArgumentException>(async () => await store.SetAsync(SetOf("", "1"), Cancel));
        var delete = await Assert.ThrowsAsync<ArgumentException>(async () => await store.DeleteAsync(new StateDelete(""), Cancel));

        Assert.Equal("missing key in get operation", get.Message);
        Assert.Equal("missing key in set operation", set.Message);
        Assert.Equal("missing key in delete operation", delete.Message);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    public async Task A_key_asked_twice_in_a_bulk_read_is_answered_twice(string version)
    {
        await using var database = await fixture.NewDatabaseAsync();
        await using var store = await database.StartStoreAsync(version);
        await store.SetAsync(SetOf("a", "1"), Cancel);

        var entries = await store.BulkGetAsync([new("a"), new("b"), new("a")], 0, Cancel);

        Assert.Equal(["a=1", "b=", "a=1"], entries.Select(e => $"{e.Key}={Encoding.UTF8.GetString(e.Item.Value.Span)}"));
    }
}
