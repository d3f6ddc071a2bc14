using DaprK8s.Components;
using DaprK8s.Protos.Runtime.V1;
using Grpc.Core;
using StateItem = DaprK8s.Protos.Common.V1.StateItem;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>How the block lets a resiliency policy try again.</summary>
public sealed class StateRetryTests
{
    [Fact]
    public async Task A_retry_of_a_bulk_save_sends_only_what_failed()
    {
        var policy = new RetryingPolicy(5);
        var bench = await StateBench.ReadyAsync(resiliency: policy);
        var failures = 2;
        bench.Store.FailWrite = o => o.Key.EndsWith('b') && Interlocked.Decrement(ref failures) >= 0 ? new IOException("down") : null;

        var answer = await bench.Http.SendAsync("POST", "/v1.0/state/store", """[{"key":"a","value":1},{"key":"b","value":2},{"key":"c","value":3}]""");

        Assert.Equal(204, answer.Status);
        Assert.Equal(3, policy.Attempts);
        Assert.Equal((1, 3, 1), (Count(bench, "a"), Count(bench, "b"), Count(bench, "c")));
        Assert.Equal("2", await bench.StoredAsync("app1||b"));
    }

    [Fact]
    public async Task An_etag_failure_among_others_is_not_retried_but_told_at_the_end()
    {
        var policy = new RetryingPolicy(5);
        var bench = await StateBench.ReadyAsync(resiliency: policy);
        var failures = 1;
        bench.Store.FailWrite = o => o.Key[^1] switch
        {
            'e' => new ETagMismatchException("stale"),
            't' when Interlocked.Decrement(ref failures) >= 0 => new IOException("down"),
            _ => null,
        };

        var (code, text, _) = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.DeleteBulkState(
            new DeleteBulkStateRequest { StoreName = "store", States = { new StateItem { Key = "e" }, new StateItem { Key = "t" }, new StateItem { Key = "o" } } },
            bench.Call));

        Assert.Equal(
            (StatusCode.Aborted, "failed deleting state in state store store: possible etag mismatch. error from state store: stale"), (code, text));
        Assert.Equal((1, 2, 1, 2), (Count(bench, "e"), Count(bench, "t"), Count(bench, "o"), policy.Attempts));
    }

    [Fact]
    public async Task A_policy_that_gives_up_tells_of_every_failure()
    {
        var bench = await StateBench.ReadyAsync(resiliency: new RetryingPolicy(2));
        bench.Store.FailWrite = o => o.Key[^1] switch { 'e' => new ETagMismatchException("stale"), 't' => new IOException("down"), _ => null };
        var answer = await bench.Http.SendAsync("POST", "/v1.0/state/store", """[{"key":"t"},{"key":"e"},{"key":"o"}]""");
        // The second attempt holds the one transient item alone; its bare failure must not hide the refused one.
        Assert.Equal(409, answer.Status);
        Assert.Contains("stale\\ndown", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/v1.0/state/store", """[{"key":"k","value":1,"etag":"stale"}]""")]
    [InlineData("POST", "/v1.0/state/store", """[{"key":"k","value":1,"etag":"stale"},{"key":"l","value":1,"etag":"stale"}]""")]
    [InlineData("DELETE", "/v1.0/state/store/k", "")]
    [InlineData("POST", "/v1.0/state/store/transaction", """{"operations":[{"operation":"upsert","request":{"key":"k","value":1,"etag":"stale"}}]}""")]
    public async Task An_etag_failure_is_never_retried(string method, string path, string body)
    {
        var policy = new RetryingPolicy(5);
        var bench = await StateBench.ReadyAsync(resiliency: policy);
        var answer = await bench.Http.SendAsync(method, path, body, ifMatch: "stale");
        Assert.Contains("possible etag mismatch", answer.Body, StringComparison.Ordinal);
        Assert.Equal(1, policy.Attempts);
    }

    [Fact]
    public async Task Reads_are_retried_as_a_whole()
    {
        var policy = new RetryingPolicy(3);
        var bench = await StateBench.ReadyAsync(resiliency: policy);
        bench.Store.FailRead = _ => new IOException("down");
        Assert.Equal(500, (await bench.Http.SendAsync("GET", "/v1.0/state/store/k")).Status);
        Assert.Equal(3, policy.Attempts);
    }

    private static int Count(StateBench bench, string key) => bench.Store.Writes.Count(w => w.Key == "app1||" + key);
}
