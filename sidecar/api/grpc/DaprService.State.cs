using System.Text.Json;
using DaprK8s.Components;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.State;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using StateItem = DaprK8s.Protos.Common.V1.StateItem;
using StateOptions = DaprK8s.Sidecar.State.StateOptions;
using WireOptions = DaprK8s.Protos.Common.V1.StateOptions;

namespace DaprK8s.Sidecar.Api.Grpc;

/// <content>The state API over gRPC (contract: api 2.5).</content>
internal sealed partial class DaprService
{
    private const string ContentTypeKey = "contentType";
    private const string JsonContentType = "application/json";

    public override async Task<GetStateResponse> GetState(GetStateRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var item = await state.GetAsync(
            target,
            request.Key,
            StateOptions.ConsistencyOrDefault(Word(request.Consistency)),
            MetadataOf(request.Metadata),
            context.CancellationToken);
        var response = new GetStateResponse { Data = UnsafeByteOperations.UnsafeWrap(item.Value), Etag = item.ETag ?? "" };
        AddExpiry(response.Metadata, item);
        return response;
    }

    public override async Task<GetBulkStateResponse> GetBulkState(GetBulkStateRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var entries = await state.BulkGetAsync(
            target, request.Keys, request.Parallelism, MetadataOf(request.Metadata), context.CancellationToken);
        var response = new GetBulkStateResponse();
        foreach (var entry in entries)
        {
            var item = new BulkStateItem { Key = entry.Key };
            if (entry.Error is { Length: > 0 } error)
            {
                item.Error = error;
            }
            else
            {
                item.Data = UnsafeByteOperations.UnsafeWrap(entry.Item.Value);
                item.Etag = entry.Item.ETag ?? "";
                AddExpiry(item.Metadata, entry.Item);
            }

            response.Items.Add(item);
        }

        return response;
    }

    public override async Task<Empty> SaveState(SaveStateRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var changes = new StateChange[request.States.Count];
        for (var i = 0; i < changes.Length; i++)
        {
            var item = request.States[i];
            if (item.Key.Length == 0)
            {
                throw StateErrors.EmptyKey().ToException();
            }

            StateBlock.RefuseIllegalKey(target, item.Key);
            changes[i] = ToChange(item, ValueOf(item));
        }

        await state.SaveAsync(target, changes, context.CancellationToken);
        return new Empty();
    }

    public override async Task<Empty> DeleteState(DeleteStateRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var change = new StateChange(request.Key)
        {
            ETag = request.Etag?.Value,
            Metadata = MetadataOf(request.Metadata),
            Concurrency = Word(request.Options?.Concurrency ?? default),
            Consistency = Word(request.Options?.Consistency ?? default),
        };
        await state.DeleteAsync(target, change, context.CancellationToken);
        return new Empty();
    }

    public override async Task<Empty> DeleteBulkState(DeleteBulkStateRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var changes = new StateChange[request.States.Count];
        for (var i = 0; i < changes.Length; i++)
        {
            changes[i] = ToChange(request.States[i], default);
        }

        await state.BulkDeleteAsync(target, changes, context.CancellationToken);
        return new Empty();
    }

    public override async Task<Empty> ExecuteStateTransaction(ExecuteStateTransactionRequest request, ServerCallContext context)
    {
        using var target = await state.OpenAsync(request.StoreName, context.CancellationToken);
        var steps = new TransactionStep[request.Operations.Count];
        for (var i = 0; i < steps.Length; i++)
        {
            // Values of transactions are bytes whatever their content type says (contract: components 3.2).
            var item = request.Operations[i].Request ?? new StateItem();
            steps[i] = new TransactionStep(request.Operations[i].OperationType, ToChange(item, new StateValue(item.Value.Memory, IsJson: false)));
        }

        await state.TransactAsync(target, steps, MetadataOf(request.Metadata), context.CancellationToken);
        return new Empty();
    }

    public override async Task<QueryStateResponse> QueryStateAlpha1(QueryStateRequest request, ServerCallContext context)
    {
        await state.QueryAsync(request.StoreName, context.CancellationToken);
        return new QueryStateResponse();
    }

    private static StateChange ToChange(StateItem item, StateValue value)
        => new(item.Key, value)
        {
            ETag = item.Etag?.Value,
            Metadata = MetadataOf(item.Metadata),
            Concurrency = Word(item.Options?.Concurrency ?? default),
            Consistency = Word(item.Options?.Consistency ?? default),
        };

    private static StateValue ValueOf(StateItem item)
    {
        if (item.Metadata.Count == 0 || !item.Metadata.TryGetValue(ContentTypeKey, out var type) || type != JsonContentType)
        {
            return new StateValue(item.Value.Memory, IsJson: false);
        }

        try
        {
            return new StateValue(CompactJson.FromText(item.Value.Memory), IsJson: true);
        }
        catch (JsonException e)
        {
            throw CommonErrors.Unclassified(e.Message).ToException(e);
        }
    }

    private static string Word(WireOptions.Types.StateConcurrency value)
        => value switch
        {
            WireOptions.Types.StateConcurrency.ConcurrencyFirstWrite => StateOptions.FirstWrite,
            WireOptions.Types.StateConcurrency.ConcurrencyLastWrite => StateOptions.LastWrite,
            _ => "",
        };

    private static string Word(WireOptions.Types.StateConsistency value)
        => value switch
        {
            WireOptions.Types.StateConsistency.ConsistencyEventual => StateOptions.Eventual,
            WireOptions.Types.StateConsistency.ConsistencyStrong => StateOptions.Strong,
            _ => "",
        };

    private static void AddExpiry(MapField<string, string> metadata, Components.StateItem item)
    {
        if (item.Expires is { } expires)
        {
            metadata.Add(StateExpiry.Key, StateExpiry.Format(expires));
        }
    }

    private static IReadOnlyDictionary<string, string> MetadataOf(MapField<string, string> map)
        => map.Count == 0 ? EmptyMetadata.Instance : map;
}
