using DaprK8s.Components;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>The error table of the state API as an HTTP client sees it (api 1.4.3).</summary>
public sealed class HttpStateErrorTests
{
    private const string Uri = "/v1.0/state/store";
    private const string Resource = """{"@type":"type.googleapis.com/google.rpc.ResourceInfo","resource_type":"state","resource_name":"store","owner":"","description":""}""";

    [Theory]
    [InlineData("GET", "/v1.0/state/store/k")]
    [InlineData("POST", "/v1.0/state/store")]
    [InlineData("DELETE", "/v1.0/state/store/k")]
    [InlineData("POST", "/v1.0/state/store/bulk")]
    [InlineData("POST", "/v1.0/state/store/transaction")]
    [InlineData("POST", "/v1.0-alpha1/state/store/query")]
    public async Task Without_any_store_and_without_this_store(string method, string path)
    {
        var bench = await StateBench.ReadyAsync();
        bench.Registry.Replace([]);
        await ExpectAsync(bench, method, path, "", 500, """{"errorCode":"ERR_STATE_STORE_NOT_CONFIGURED","message":"state store store is not configured","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"appID":"app1"},"reason":"DAPR_STATE_NOT_CONFIGURED"}]}""");

        bench.Registry.Replace([bench.Handle]);
        await ExpectAsync(bench, method, path.Replace("/store", "/nope"), "", 400, """{"errorCode":"ERR_STATE_STORE_NOT_FOUND","message":"state store nope is not found","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"appID":"app1"},"reason":"DAPR_STATE_NOT_FOUND"}]}""");
    }

    [Fact]
    public async Task A_store_that_failed_to_start_says_why()
    {
        var bench = new StateBench();
        bench.Handle.MarkFailed("connection refused");
        var answer = await bench.Http.SendAsync("GET", Uri + "/k");
        Assert.Equal(500, answer.Status);
        Assert.StartsWith("""{"errorCode":"ERR_STATE_STORE_NOT_CONFIGURED","message":"component store is not ready since """, answer.Body, StringComparison.Ordinal);
        Assert.Contains("last error: connection refused", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/a%7C%7Cb", "")]
    [InlineData("DELETE", "/a%7C%7Cb", "")]
    [InlineData("POST", "", """[{"key":"ok","value":1},{"key":"a||b","value":1}]""")]
    [InlineData("POST", "/bulk", """{"keys":["ok","a||b"]}""")]
    [InlineData("POST", "/transaction", """{"operations":[{"operation":"upsert","request":{"key":"a||b"}}]}""")]
    public async Task A_key_that_could_reach_another_apps_keys(string method, string path, string body)
    {
        var bench = await StateBench.ReadyAsync();
        const string text = "input key/keyPrefix 'a||b' can't contain '||'";
        await ExpectAsync(bench, method, Uri + path, body, 400, $$$"""{"errorCode":"ERR_MALFORMED_REQUEST","message":"api error: code = InvalidArgument desc = {{{text}}}","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_ILLEGAL_KEY"},{{{Resource}}},{"@type":"type.googleapis.com/google.rpc.BadRequest","field_violations":[{"field":"a||b","description":"{{{text}}}"}]}]}""");
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task A_transaction_on_a_store_without_them()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.Features = StateFeatures.ETag;
        await ExpectAsync(bench, "POST", Uri + "/transaction", "not even JSON", 500, $$$"""{"errorCode":"ERR_STATE_STORE_NOT_SUPPORTED","message":"state store store doesn't support transactions","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED"},{{{Resource}}},{"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"https://docs.dapr.io/reference/components-reference/supported-state-stores/","description":"Check the list of state stores and the features they support"}]}]}""");
    }

    [Fact]
    public async Task A_query()
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, "POST", "/v1.0-alpha1/state/store/query", "{}", 500, $$$"""{"errorCode":"ERR_STATE_STORE_NOT_SUPPORTED","message":"state store does not support querying","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_QUERYING_NOT_SUPPORTED"},{{{Resource}}}]}""");
    }

    [Fact]
    public async Task A_transaction_over_the_stores_limit()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.MaxTransactionOperations = 1;
        await ExpectAsync(bench, "POST", Uri + "/transaction", """{"operations":[{"operation":"delete","request":{"key":"a"}},{"operation":"delete","request":{"key":"b"}}]}""", 400, $$$"""{"errorCode":"ERR_STATE_STORE_TOO_MANY_TRANSACTIONS","message":"the transaction contains 2 operations, which is more than what the state store supports: 1","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"currentOpsTransaction":"2","maxOpsPerTransaction":"1"},"reason":"DAPR_STATE_TOO_MANY_TRANSACTIONS"},{{{Resource}}}]}""");
    }

    [Fact]
    public async Task A_store_that_fails()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.FailRead = _ => new IOException("down");
        bench.Store.FailWrite = _ => new IOException("down");
        bench.Store.FailWhole = new IOException("down");
        await ExpectAsync(bench, "GET", Uri + "/k", "", 500, """{"errorCode":"ERR_STATE_GET","message":"fail to get k from state store store: down"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"k"}]""", 500, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: down"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"k"},{"key":"l"}]""", 500, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: down\ndown"}""");
        await ExpectAsync(bench, "DELETE", Uri + "/k", "", 500, """{"errorCode":"ERR_STATE_DELETE","message":"failed deleting state with key k: down"}""");
        await ExpectAsync(bench, "POST", Uri + "/bulk", """{"keys":["k"]}""", 500, """{"errorCode":"ERR_STATE_BULK_GET","message":"down"}""");
        await ExpectAsync(bench, "POST", Uri + "/transaction", """{"operations":[{"operation":"delete","request":{"key":"k"}}]}""", 500, """{"errorCode":"ERR_STATE_TRANSACTION","message":"error while executing state transaction: down"}""");
    }

    [Fact]
    public async Task An_etag_that_does_not_match_or_is_none()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.FailWrite = o => o.ETag == "x" ? new InvalidETagException("x") : new ETagMismatchException("stale");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"k","etag":"1"}]""", 409, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: possible etag mismatch. error from state store: stale"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"k","etag":"x"}]""", 400, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: invalid etag value: x"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"j","etag":"1"},{"key":"k","etag":"1"}]""", 409, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: possible etag mismatch. error from state store: stale\npossible etag mismatch. error from state store: stale"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"j","etag":"1"},{"key":"k","etag":"x"}]""", 400, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: invalid etag value: x\npossible etag mismatch. error from state store: stale"}""");
        await ExpectAsync(bench, "DELETE", Uri + "/k", "", 409, """{"errorCode":"ERR_STATE_DELETE","message":"failed deleting state with key k: possible etag mismatch. error from state store: stale"}""");
        bench.Store.FailWhole = new ETagMismatchException("stale");
        await ExpectAsync(bench, "POST", Uri + "/transaction", """{"operations":[{"operation":"delete","request":{"key":"k"}}]}""", 500, """{"errorCode":"ERR_STATE_TRANSACTION","message":"error while executing state transaction: possible etag mismatch. error from state store: stale"}""");
    }

    [Fact]
    public async Task An_option_that_does_not_exist()
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, "POST", Uri, """[{"key":"k","options":{"concurrency":"x"}}]""", 500, """{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: unrecognized concurrency model 'x'"}""");
        await ExpectAsync(bench, "DELETE", Uri + "/k?consistency=y", "", 500, """{"errorCode":"ERR_STATE_DELETE","message":"failed deleting state with key k: unrecognized consistency model 'y'"}""");
        await ExpectAsync(bench, "POST", Uri + "/transaction", """{"operations":[{"operation":"upsert","request":{"key":"k","options":{"consistency":"y"}}}]}""", 500, """{"errorCode":"ERR_STATE_TRANSACTION","message":"error while executing state transaction: unrecognized consistency model 'y'"}""");
        Assert.Equal(204, (await bench.Http.SendAsync("GET", Uri + "/k?consistency=y")).Status);
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task An_operation_that_does_not_exist()
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, "POST", Uri + "/transaction", """{"operations":[{"operation":"swap","request":{"key":"k"}}]}""", 400, """{"errorCode":"ERR_NOT_SUPPORTED_STATE_OPERATION","message":"operation type swap not supported"}""");
    }

    [Theory]
    [InlineData("""[{"value":1}]""")]
    [InlineData("""[{"key":"","value":1}]""")]
    [InlineData("""[{"key":"a","value":1},null]""")]
    public async Task An_item_without_a_key(string body)
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, "POST", Uri, body, 400, """{"errorCode":"ERR_MALFORMED_REQUEST","message":"\"key\" is a required field"}""");
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task A_body_that_does_not_decode()
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, "POST", Uri, "", 400, """{"errorCode":"ERR_MALFORMED_REQUEST","message":"EOF"}""");
        await ExpectAsync(bench, "POST", Uri, """[{"key":"a","etag":7}]""", 400, """{"errorCode":"ERR_MALFORMED_REQUEST","message":"etag must be a string, not a number"}""");
        await ExpectAsync(bench, "POST", Uri + "/bulk", "", 400, """{"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: EOF"}""");
        await ExpectAsync(bench, "POST", Uri + "/transaction", "[]", 400, """{"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: the body must be an object, not an array"}""");
    }

    [Fact]
    public async Task A_body_over_the_limit()
    {
        var bench = await StateBench.ReadyAsync();
        foreach (var (path, text) in new[] { ("", "stream too large"), ("/bulk", "failed deserializing HTTP body: stream too large"), ("/transaction", "failed deserializing HTTP body: stream too large") })
        {
            var answer = await bench.Http.SendAsync("POST", Uri + path, """[{"key":"a"}]""", limit: 4);
            Assert.Equal((400, $$"""{"errorCode":"ERR_MALFORMED_REQUEST","message":"{{text}}"}"""), (answer.Status, answer.Body));
        }
    }

    private static async Task ExpectAsync(StateBench bench, string method, string path, string body, int status, string expected)
    {
        var answer = await bench.Http.SendAsync(method, path, body);
        Assert.Equal((status, expected), (answer.Status, answer.Body));
        Assert.Equal("application/json", answer.Headers.ContentType);
    }
}
