using DaprK8s.Components;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Tests.State;

public sealed class HttpStateTests
{
    private const string Uri = "/v1.0/state/store";

    [Fact]
    public async Task A_saved_value_comes_back_byte_for_byte_with_its_etag()
    {
        var bench = await StateBench.ReadyAsync();
        var saved = await bench.Http.SendAsync("POST", Uri, """[{"key":"k","value":{"b": 1.10, "a":[ 9007199254740993 ]}}]""");
        Assert.Equal((204, ""), (saved.Status, saved.Body));

        var answer = await bench.Http.SendAsync("GET", Uri + "/k");
        Assert.Equal((200, """{"b":1.10,"a":[9007199254740993]}"""), (answer.Status, answer.Body));
        Assert.Equal("application/json", answer.Headers.ContentType);
        Assert.Equal(answer.Body.Length, answer.Headers.ContentLength);
        Assert.False(string.IsNullOrEmpty(answer.Headers.ETag));
        Assert.False(answer.Headers.ContainsKey("metadata.ttlExpireTime"));
        Assert.Equal(answer.Body, await bench.StoredAsync("app1||k"));
    }

    [Fact]
    public async Task A_missing_key_is_204_without_a_body()
    {
        var bench = await StateBench.ReadyAsync();
        var answer = await bench.Http.SendAsync("GET", Uri + "/nothing");
        Assert.Equal((204, "", false), (answer.Status, answer.Body, answer.Headers.ContainsKey("ETag")));
    }

    [Fact]
    public async Task An_expiring_item_tells_when_it_expires_alone_and_in_bulk()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Http.SendAsync("POST", Uri + "?metadata.ttlInSeconds=100", """[{"key":"k","value":1,"metadata":{"ttlInSeconds":"5"}}]""");
        var header = (await bench.Http.SendAsync("GET", Uri + "/k")).Headers["metadata.ttlExpireTime"].ToString();
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", header);
        var bulk = await bench.Http.SendAsync("POST", Uri + "/bulk", """{"keys":["k"]}""");
        Assert.Contains($$"""
            "metadata":{"ttlExpireTime":"{{header}}"}
            """, bulk.Body, StringComparison.Ordinal);
        // The query's metadata wins over the body's.
        Assert.Equal("100", bench.Store.Writes.Single().Metadata["ttlInSeconds"]);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData(" [ ] ")]
    [InlineData("null")]
    public async Task Saving_nothing_is_204(string body)
    {
        var bench = await StateBench.ReadyAsync();
        Assert.Equal(204, (await bench.Http.SendAsync("PUT", Uri, body)).Status);
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task Keys_with_escapes_are_one_key()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a/b c","value":"x"}]""");
        Assert.Equal("\"x\"", (await bench.Http.SendAsync("GET", Uri + "/a%2Fb+c")).Body);
    }

    [Fact]
    public async Task Several_items_are_saved_and_read_in_bulk()
    {
        var bench = await StateBench.ReadyAsync();
        Assert.Equal(204, (await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":1},{"key":"b","value":"<é>"}]""")).Status);
        bench.Store.FailRead = r => r.Key == "app1||bad" ? new IOException("broken") : null;

        var answer = await bench.Http.SendAsync("POST", Uri + "/bulk?metadata.m=q", """{"keys":["a","b","none","bad"],"parallelism":3,"metadata":{"m":"b"}}""");
        Assert.Equal(200, answer.Status);
        var etags = bench.Store.Reads.Select(r => r.Metadata["m"]).Distinct();
        Assert.Equal(["q"], etags);
        Assert.Equal(3, bench.Store.LastParallelism);
        using var json = System.Text.Json.JsonDocument.Parse(answer.Body);
        var rows = json.RootElement.EnumerateArray().ToArray();
        Assert.Equal(["a", "b", "none", "bad"], rows.Select(r => r.GetProperty("key").GetString()));
        Assert.Equal("1", rows[0].GetProperty("data").GetRawText());
        Assert.NotEqual("", rows[0].GetProperty("etag").GetString());
        Assert.Equal("\"<é>\"", rows[1].GetProperty("data").GetRawText());
        Assert.Equal("""{"key":"none"}""", rows[2].GetRawText());
        Assert.Equal("""{"key":"bad","error":"broken"}""", rows[3].GetRawText());
    }

    [Fact]
    public async Task A_stored_value_that_is_not_JSON_spoils_only_its_own_entry_of_a_bulk_read()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Store.SetAsync(new StateSet("app1||raw", new StateValue("not json"u8.ToArray(), false)), TestContext.Current.CancellationToken);
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":1}]""");
        var answer = await bench.Http.SendAsync("POST", Uri + "/bulk", """{"keys":["raw","a"]}""");
        using var json = System.Text.Json.JsonDocument.Parse(answer.Body);
        Assert.Contains("not JSON", json.RootElement[0].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("1", json.RootElement[1].GetProperty("data").GetRawText());
        Assert.Equal("not json", (await bench.Http.SendAsync("GET", Uri + "/raw")).Body);
    }

    [Theory]
    [InlineData("""{"keys":[]}""")]
    [InlineData("{}")]
    public async Task A_bulk_read_of_nothing_is_an_empty_array(string body)
    {
        var bench = await StateBench.ReadyAsync();
        var answer = await bench.Http.SendAsync("POST", Uri + "/bulk", body);
        Assert.Equal((200, "[]"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_delete_honours_If_Match_and_forgives_a_missing_key()
    {
        var bench = await StateBench.ReadyAsync();
        Assert.Equal(204, (await bench.Http.SendAsync("DELETE", Uri + "/k")).Status);
        await bench.Http.SendAsync("POST", Uri, """[{"key":"k","value":1}]""");

        var refused = await bench.Http.SendAsync("DELETE", Uri + "/k", ifMatch: "other");
        Assert.Equal(409, refused.Status);
        Assert.StartsWith("""{"errorCode":"ERR_STATE_DELETE","message":"failed deleting state with key k: possible etag mismatch. error from state store: """, refused.Body, StringComparison.Ordinal);

        var etag = (await bench.Http.SendAsync("GET", Uri + "/k")).Headers.ETag.ToString();
        Assert.Equal(204, (await bench.Http.SendAsync("DELETE", Uri + "/k?concurrency=first-write&consistency=strong&metadata.x=1", ifMatch: etag)).Status);
        var delete = Assert.IsType<StateDelete>(bench.Store.Writes.Last());
        Assert.Equal((StateConcurrency.FirstWrite, StateConsistency.Strong, "1"), (delete.Concurrency, delete.Consistency, delete.Metadata["x"]));
        Assert.Null(await bench.StoredAsync("app1||k"));
    }

    [Fact]
    public async Task A_transaction_applies_in_order_with_the_querys_metadata_on_each_operation()
    {
        var bench = await StateBench.ReadyAsync();
        var answer = await bench.Http.SendAsync("POST", Uri + "/transaction?metadata.q=1", """
            {"operations":[
              {"operation":"upsert","request":{"key":"a","value":{"x": 1},"metadata":{"own":"y","q":"0"}}},
              {"operation":"upsert","request":{"key":"b","value":2}},
              {"operation":"delete","request":{"key":"b"}}],
             "metadata":{"whole":"z"}}
            """);
        Assert.Equal((204, ""), (answer.Status, answer.Body));
        Assert.Equal(("""{"x":1}""", null), (await bench.StoredAsync("app1||a"), await bench.StoredAsync("app1||b")));
        Assert.Equal(["app1||a", "app1||b", "app1||b"], bench.Store.Writes.Select(w => w.Key));
        Assert.All(bench.Store.Writes, w => Assert.Equal("1", w.Metadata["q"]));
        Assert.False(bench.Store.Writes.Last().Metadata.ContainsKey("whole"));
        Assert.Equal(("z", "1"), (bench.Store.TransactionMetadata!["whole"], bench.Store.TransactionMetadata["q"]));
    }

    [Fact]
    public async Task A_transaction_without_operations_does_not_reach_the_store()
    {
        var bench = await StateBench.ReadyAsync();
        Assert.Equal(204, (await bench.Http.SendAsync("POST", Uri + "/transaction", "{}")).Status);
        Assert.Null(bench.Store.TransactionMetadata);
    }

    [Fact]
    public async Task A_value_lives_on_after_the_requests_buffers_are_used_again()
    {
        var bench = await StateBench.ReadyAsync();
        for (var i = 0; i < 50; i++)
        {
            await bench.Http.SendAsync("POST", Uri, $$"""[ {"key":"k{{i}}", "value": [ {{i}}, "{{new string((char)('a' + (i % 26)), 100)}}" ] } ]""");
        }

        for (var i = 0; i < 50; i++)
        {
            Assert.Equal($"[{i},\"{new string((char)('a' + (i % 26)), 100)}\"]", await bench.StoredAsync($"app1||k{i}"));
        }
    }

    [Fact]
    public async Task A_request_waits_for_a_store_that_is_starting()
    {
        var bench = new StateBench();
        var waiting = bench.Http.SendAsync("GET", Uri + "/k");
        Assert.False(waiting.IsCompleted);
        bench.Handle.MarkReady(bench.Store);
        Assert.Equal(204, (await waiting).Status);
    }

    [Fact]
    public async Task Every_operation_is_counted_under_its_name()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":1}]""");
        await bench.Http.SendAsync("GET", Uri + "/a");
        await bench.Http.SendAsync("POST", Uri + "/bulk", """{"keys":["a"]}""");
        await bench.Http.SendAsync("POST", Uri + "/transaction", """{"operations":[{"operation":"delete","request":{"key":"a"}}]}""");
        await bench.Http.SendAsync("DELETE", Uri + "/a", ifMatch: "stale");
        var page = await bench.MetricsAsync();
        foreach (var (operation, success) in new[] { ("set", true), ("get", true), ("bulk_get", true), ("transaction", true), ("delete", false) })
        {
            Assert.Contains(
                $"dapr_component_state_count{{app_id=\"app1\",component=\"store\",namespace=\"prod\",operation=\"{operation}\",success=\"{(success ? "true" : "false")}\"}} 1",
                page,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_prefix_of_resolved_metadata_wins_over_the_resources_text()
    {
        var bench = await StateBench.ReadyAsync("none");
        bench.Block.Prepare(bench.Handle, new DaprK8s.Components.Metadata.ComponentMetadata([new("KeyPrefix", "name")]));
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":1}]""");
        Assert.Equal("1", await bench.StoredAsync("store||a"));
        Assert.Contains("\"key\":\"a\"", (await bench.Http.SendAsync("POST", Uri + "/bulk", """{"keys":["a"]}""")).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hot_reload_gives_the_name_to_another_handle_with_its_own_prefix()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":1}]""");
        var next = new ComponentHandle(StateBench.Resource("store", ("keyPrefix", "none")), ComponentKind.State, TimeProvider.System);
        next.MarkReady(bench.Store);
        bench.Registry.Replace([next]);
        await bench.Http.SendAsync("POST", Uri, """[{"key":"a","value":2}]""");
        Assert.Equal(("1", "2"), (await bench.StoredAsync("app1||a"), await bench.StoredAsync("a")));
    }
}
