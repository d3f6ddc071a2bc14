using DaprK8s.Components;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using StateItem = DaprK8s.Protos.Common.V1.StateItem;
using StateOptions = DaprK8s.Protos.Common.V1.StateOptions;

namespace DaprK8s.Sidecar.Tests.State;

public sealed class GrpcStateTests
{
    private static readonly ByteString Raw = ByteString.CopyFrom(0, 255, 1);

    [Fact]
    public async Task Raw_bytes_come_back_as_they_went_in()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Grpc.SaveState(Save(new StateItem { Key = "k", Value = Raw }), bench.Call);
        var answer = await bench.Grpc.GetState(new GetStateRequest { StoreName = "store", Key = "k" }, bench.Call);
        Assert.Equal(Raw, answer.Data);
        Assert.NotEqual("", answer.Etag);
        Assert.Empty(answer.Metadata);
        Assert.False(Assert.IsType<StateSet>(bench.Store.Writes.Single()).Value.IsJson);
    }

    [Fact]
    public async Task A_missing_key_is_an_empty_answer()
    {
        var bench = await StateBench.ReadyAsync();
        Assert.Equal(new GetStateResponse(), await bench.Grpc.GetState(new GetStateRequest { StoreName = "store", Key = "k" }, bench.Call));
    }

    [Fact]
    public async Task A_JSON_content_type_makes_the_value_compact_JSON()
    {
        var bench = await StateBench.ReadyAsync();
        var item = new StateItem { Key = "k", Value = ByteString.CopyFromUtf8(" {\"a\" : 1.50}\n") };
        item.Metadata["contentType"] = "application/json";
        await bench.Grpc.SaveState(Save(item), bench.Call);
        Assert.Equal("{\"a\":1.50}", await bench.StoredAsync("app1||k"));
        Assert.True(Assert.IsType<StateSet>(bench.Store.Writes.Single()).Value.IsJson);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("")]
    public async Task A_JSON_content_type_with_anything_else_is_Unknown_without_details(string value)
    {
        var bench = await StateBench.ReadyAsync();
        var item = new StateItem { Key = "k", Value = ByteString.CopyFromUtf8(value) };
        item.Metadata["contentType"] = "application/json";
        var (code, text, details) = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.SaveState(Save(item), bench.Call));
        Assert.Equal(StatusCode.Unknown, code);
        Assert.NotEqual("", text);
        Assert.Empty(details);
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task Options_etag_and_metadata_reach_the_store_and_an_expiry_comes_back()
    {
        var bench = await StateBench.ReadyAsync();
        var item = new StateItem { Key = "k", Value = Raw, Etag = new Etag { Value = "" } };
        item.Metadata["ttlInSeconds"] = "60";
        item.Options = new StateOptions
        {
            Concurrency = StateOptions.Types.StateConcurrency.ConcurrencyFirstWrite,
            Consistency = StateOptions.Types.StateConsistency.ConsistencyStrong,
        };
        await bench.Grpc.SaveState(Save(item), bench.Call);
        var set = Assert.IsType<StateSet>(bench.Store.Writes.Single());
        Assert.Equal((StateConcurrency.FirstWrite, StateConsistency.Strong, false), (set.Concurrency, set.Consistency, set.HasETag));
        var answer = await bench.Grpc.GetState(
            new GetStateRequest { StoreName = "store", Key = "k", Consistency = StateOptions.Types.StateConsistency.ConsistencyEventual }, bench.Call);
        Assert.EndsWith("Z", answer.Metadata["ttlExpireTime"], StringComparison.Ordinal);
        Assert.Equal(StateConsistency.Eventual, bench.Store.Reads.Last().Consistency);
    }

    [Fact]
    public async Task A_bulk_read_has_an_item_for_each_key()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Grpc.SaveState(Save(new StateItem { Key = "a", Value = Raw }), bench.Call);
        bench.Store.FailRead = r => r.Key.EndsWith("bad", StringComparison.Ordinal) ? new IOException("broken") : null;
        var request = new GetBulkStateRequest { StoreName = "store", Parallelism = 2 };
        Assert.Empty((await bench.Grpc.GetBulkState(request, bench.Call)).Items);
        request.Keys.Add(["a", "none", "bad"]);
        var items = (await bench.Grpc.GetBulkState(request, bench.Call)).Items;
        Assert.Equal(("a", Raw, ""), (items[0].Key, items[0].Data, items[0].Error));
        Assert.NotEqual("", items[0].Etag);
        Assert.Equal(new BulkStateItem { Key = "none" }, items[1]);
        Assert.Equal(new BulkStateItem { Key = "bad", Error = "broken" }, items[2]);
    }

    [Fact]
    public async Task Deletes_alone_and_in_bulk()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Grpc.SaveState(Save(Item("a"), Item("b"), Item("c")), bench.Call);
        await bench.Grpc.DeleteState(new DeleteStateRequest { StoreName = "store", Key = "a", Etag = new Etag() }, bench.Call);
        await bench.Grpc.DeleteBulkState(Bulk(Item("b"), Item("c")), bench.Call);
        Assert.Equal([null, null, null], [await bench.StoredAsync("app1||a"), await bench.StoredAsync("app1||b"), await bench.StoredAsync("app1||c")]);
        Assert.Contains("operation=\"bulk_delete\",success=\"true\"", await bench.MetricsAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_transaction_stores_bytes_whatever_their_content_type_says_and_an_empty_one_reaches_the_store()
    {
        var bench = await StateBench.ReadyAsync();
        var request = new ExecuteStateTransactionRequest { StoreName = "store" };
        request.Metadata["m"] = "1";
        await bench.Grpc.ExecuteStateTransaction(request, bench.Call);
        Assert.Equal("1", bench.Store.TransactionMetadata?["m"]);

        var item = new StateItem { Key = "k", Value = ByteString.CopyFromUtf8("{ not JSON") };
        item.Metadata["contentType"] = "application/json";
        request.Operations.Add(new TransactionalStateOperation { OperationType = "upsert", Request = item });
        request.Operations.Add(new TransactionalStateOperation { OperationType = "delete", Request = Item("other") });
        await bench.Grpc.ExecuteStateTransaction(request, bench.Call);
        Assert.Equal("{ not JSON", await bench.StoredAsync("app1||k"));
    }

    [Fact]
    public async Task Saving_nothing_is_OK()
    {
        var bench = await StateBench.ReadyAsync();
        await bench.Grpc.SaveState(Save(), bench.Call);
        await bench.Grpc.DeleteBulkState(Bulk(), bench.Call);
        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task No_store_and_no_such_store_have_a_reason_without_metadata()
    {
        var bench = await StateBench.ReadyAsync();
        foreach (var call in Calls(bench, "nope"))
        {
            var (code, text, details) = await GrpcProbe.ErrorOfAsync(call);
            Assert.Equal((StatusCode.InvalidArgument, "state store nope is not found", "DAPR_STATE_NOT_FOUND"), (code, text, GrpcProbe.Reason(details)));
            Assert.Empty(GrpcProbe.Find<ErrorInfo>(details)!.Metadata);
            Assert.Single(details);
        }

        bench.Registry.Replace([]);
        foreach (var call in Calls(bench, "nope"))
        {
            var (code, text, details) = await GrpcProbe.ErrorOfAsync(call);
            Assert.Equal((StatusCode.FailedPrecondition, "state store nope is not configured", "DAPR_STATE_NOT_CONFIGURED"), (code, text, GrpcProbe.Reason(details)));
        }
    }

    [Fact]
    public async Task A_store_that_failed_to_start_is_a_failed_precondition_that_says_why()
    {
        var bench = new StateBench();
        bench.Handle.MarkFailed("connection refused");
        foreach (var call in Calls(bench, "store"))
        {
            var (code, text, details) = await GrpcProbe.ErrorOfAsync(call);
            Assert.Equal((StatusCode.FailedPrecondition, "DAPR_STATE_NOT_CONFIGURED"), (code, GrpcProbe.Reason(details)));
            Assert.Contains("connection refused", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_illegal_key_names_itself_in_the_details()
    {
        var bench = await StateBench.ReadyAsync();
        foreach (var call in Calls(bench, "store", "a||b")[..^1])
        {
            var (code, text, details) = await GrpcProbe.ErrorOfAsync(call);
            Assert.Equal((StatusCode.InvalidArgument, "input key/keyPrefix 'a||b' can't contain '||'", "DAPR_STATE_ILLEGAL_KEY"), (code, text, GrpcProbe.Reason(details)));
            Assert.Equal("a||b", GrpcProbe.Find<BadRequest>(details)!.FieldViolations[0].Field);
            var resource = GrpcProbe.Find<ResourceInfo>(details)!;
            Assert.Equal(("state", "store"), (resource.ResourceType, resource.ResourceName));
        }

        Assert.Empty(bench.Store.Writes);
    }

    [Fact]
    public async Task An_empty_key_of_a_save()
        => await ExpectAsync(await StateBench.ReadyAsync(), b => b.Grpc.SaveState(Save(Item("a"), Item("")), b.Call), StatusCode.InvalidArgument, "state key cannot be empty", "ERR_STATE_SAVE");

    [Fact]
    public async Task A_transaction_on_a_store_without_them_over_its_limit_or_of_an_unknown_kind()
    {
        var bench = await StateBench.ReadyAsync();
        await ExpectAsync(bench, b => b.Grpc.ExecuteStateTransaction(Transaction("swap"), b.Call), StatusCode.Unimplemented, "operation type swap not supported", "ERR_NOT_SUPPORTED_STATE_OPERATION");
        bench.Store.MaxTransactionOperations = 1;
        var (code, text, details) = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.ExecuteStateTransaction(Transaction("delete", "delete"), bench.Call));
        Assert.Equal((StatusCode.InvalidArgument, "the transaction contains 2 operations, which is more than what the state store supports: 1", "DAPR_STATE_TOO_MANY_TRANSACTIONS"), (code, text, GrpcProbe.Reason(details)));
        var info = GrpcProbe.Find<ErrorInfo>(details)!;
        Assert.Equal(("2", "1"), (info.Metadata["currentOpsTransaction"], info.Metadata["maxOpsPerTransaction"]));

        bench.Store.Features = StateFeatures.ETag;
        (code, text, details) = await GrpcProbe.ErrorOfAsync(() => bench.Grpc.ExecuteStateTransaction(Transaction("upsert"), bench.Call));
        Assert.Equal((StatusCode.Unimplemented, "state store store doesn't support transactions", "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED"), (code, text, GrpcProbe.Reason(details)));
        Assert.Equal("https://docs.dapr.io/reference/components-reference/supported-state-stores/", GrpcProbe.Find<Help>(details)!.Links[0].Url);
    }

    [Fact]
    public async Task A_query()
        => await ExpectAsync(
            await StateBench.ReadyAsync(),
            b => b.Grpc.QueryStateAlpha1(new QueryStateRequest { StoreName = "store", Query = "{}" }, b.Call),
            StatusCode.Internal,
            "state store does not support querying",
            "DAPR_STATE_QUERYING_NOT_SUPPORTED");

    [Fact]
    public async Task A_store_that_fails()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.FailRead = _ => new IOException("down");
        bench.Store.FailWrite = _ => new IOException("down");
        bench.Store.FailWhole = new IOException("down");
        await ExpectAsync(bench, b => b.Grpc.GetState(new GetStateRequest { StoreName = "store", Key = "k" }, b.Call), StatusCode.Internal, "fail to get k from state store store: down", "ERR_STATE_GET");
        await ExpectAsync(bench, b => b.Grpc.SaveState(Save(Item("k")), b.Call), StatusCode.Internal, "failed saving state in state store store: down", "ERR_STATE_SAVE");
        await ExpectAsync(bench, b => b.Grpc.DeleteState(new DeleteStateRequest { StoreName = "store", Key = "k" }, b.Call), StatusCode.Internal, "failed deleting state with key k: down", "ERR_STATE_DELETE");
        await ExpectAsync(bench, b => b.Grpc.DeleteBulkState(Bulk(Item("k"), Item("l")), b.Call), StatusCode.Internal, "failed deleting state in state store store: down\ndown", "ERR_STATE_BULK_DELETE");
        await ExpectAsync(bench, b => b.Grpc.ExecuteStateTransaction(Transaction("delete"), b.Call), StatusCode.Internal, "error while executing state transaction: down", "ERR_STATE_TRANSACTION");
        var bulk = new GetBulkStateRequest { StoreName = "store", Keys = { "k" } };
        await ExpectAsync(bench, b => b.Grpc.GetBulkState(bulk, b.Call), StatusCode.Unknown, "down", null);
    }

    [Fact]
    public async Task An_etag_that_does_not_match_or_is_none()
    {
        var bench = await StateBench.ReadyAsync();
        bench.Store.FailWrite = o => o.Key.EndsWith("bad", StringComparison.Ordinal) ? new InvalidETagException("x") : new ETagMismatchException("stale");
        const string stale = "possible etag mismatch. error from state store: stale";
        await ExpectAsync(bench, b => b.Grpc.SaveState(Save(Item("k")), b.Call), StatusCode.Aborted, "failed saving state in state store store: " + stale, "ERR_STATE_SAVE");
        await ExpectAsync(bench, b => b.Grpc.SaveState(Save(Item("bad")), b.Call), StatusCode.InvalidArgument, "failed saving state in state store store: invalid etag value: x", "ERR_STATE_SAVE");
        await ExpectAsync(bench, b => b.Grpc.DeleteState(new DeleteStateRequest { StoreName = "store", Key = "k" }, b.Call), StatusCode.Aborted, "failed deleting state with key k: " + stale, "ERR_STATE_DELETE");
        await ExpectAsync(bench, b => b.Grpc.DeleteBulkState(Bulk(Item("k"), Item("bad")), b.Call), StatusCode.InvalidArgument, "failed deleting state in state store store: invalid etag value: x\n" + stale, "ERR_STATE_BULK_DELETE");
    }

    [Fact]
    public async Task A_caller_who_goes_away_is_no_failure_of_the_store()
    {
        var bench = await StateBench.ReadyAsync();
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => bench.Grpc.GetState(new GetStateRequest { StoreName = "store", Key = "k" }, new CallContext(gone.Token)));
    }

    private static Func<Task>[] Calls(StateBench bench, string store, string key = "k") =>
    [
        () => bench.Grpc.GetState(new GetStateRequest { StoreName = store, Key = key }, bench.Call),
        () => bench.Grpc.GetBulkState(new GetBulkStateRequest { StoreName = store, Keys = { key } }, bench.Call),
        () => bench.Grpc.SaveState(new SaveStateRequest { StoreName = store, States = { Item(key) } }, bench.Call),
        () => bench.Grpc.DeleteState(new DeleteStateRequest { StoreName = store, Key = key }, bench.Call),
        () => bench.Grpc.DeleteBulkState(new DeleteBulkStateRequest { StoreName = store, States = { Item(key) } }, bench.Call),
        () => bench.Grpc.ExecuteStateTransaction(Transaction(store, [key], "upsert"), bench.Call),
        () => bench.Grpc.QueryStateAlpha1(new QueryStateRequest { StoreName = store }, bench.Call),
    ];

    private static StateItem Item(string key) => new() { Key = key, Value = Raw };

    private static SaveStateRequest Save(params StateItem[] items) => new() { StoreName = "store", States = { items } };

    private static DeleteBulkStateRequest Bulk(params StateItem[] items) => new() { StoreName = "store", States = { items } };

    private static ExecuteStateTransactionRequest Transaction(params string[] operations)
        => Transaction("store", [.. operations.Select((_, i) => $"k{i}")], operations);

    private static ExecuteStateTransactionRequest Transaction(string store, string[] keys, params string[] operations)
        => new()
        {
            StoreName = store,
            Operations = { operations.Zip(keys, (o, k) => new TransactionalStateOperation { OperationType = o, Request = Item(k) }) },
        };

    private static async Task ExpectAsync(StateBench bench, Func<StateBench, Task> call, StatusCode code, string text, string? reason)
    {
        var seen = await GrpcProbe.ErrorOfAsync(() => call(bench));
        Assert.Equal((code, text, reason), (seen.Code, seen.Text, GrpcProbe.Reason(seen.Details)));
    }
}
