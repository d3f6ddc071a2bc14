using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Components;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.State;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>The state API over HTTP: translation between requests and the state block (contract: api 1.9).</summary>
internal sealed class StateRoutes(StateBlock state)
{
    private const string MetadataHeaderPrefix = "metadata.";

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The routes.</summary>
    public IReadOnlyList<ApiRoute> Routes =>
    [
        new("GET", "v1.0", "state/{storeName}/{key}", "GetState", "state", GetAsync),
        new("POST PUT", "v1.0", "state/{storeName}", "SaveState", "state", SaveAsync),
        new("DELETE", "v1.0", "state/{storeName}/{key}", "DeleteState", "state", DeleteAsync),
        new("POST PUT", "v1.0", "state/{storeName}/bulk", "GetBulkState", "state", BulkGetAsync),
        new("POST PUT", "v1.0", "state/{storeName}/transaction", "ExecuteStateTransaction", "state", TransactAsync),
        new("POST PUT", "v1.0-alpha1", "state/{storeName}/query", "QueryStateAlpha1", "state", QueryAsync),
    ];

    private async ValueTask GetAsync(HttpContext context, RouteValues route)
    {
        using var target = await state.OpenAsync(route[0], context.RequestAborted);
        var item = await state.GetAsync(
            target,
            route[1],
            StateOptions.ConsistencyOrDefault(Query(context, "consistency")),
            QueryMetadata.Read(context.Request),
            context.RequestAborted);

        var response = context.Response;
        if (item.Value.IsEmpty)
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        response.ContentType = "application/json";
        response.ContentLength = item.Value.Length;
        if (item.ETag is not null)
        {
            response.Headers.ETag = item.ETag;
        }

        if (item.Expires is { } expires)
        {
            response.Headers[MetadataHeaderPrefix + StateExpiry.Key] = StateExpiry.Format(expires);
        }

        await response.BodyWriter.WriteAsync(item.Value, context.RequestAborted);
    }

    private async ValueTask SaveAsync(HttpContext context, RouteValues route)
    {
        using var target = await state.OpenAsync(route[0], context.RequestAborted);
        var request = await RequestBody.ReadAsync(context, CommonErrors.Malformed);
        var body = new StateBody(request.Memory);
        var changes = Decode(body, static b => b.ReadSave(), CommonErrors.Malformed);
        var query = QueryMetadata.Read(context.Request);
        for (var i = 0; i < changes.Count; i++)
        {
            if (changes[i].Key.Length == 0)
            {
                throw StateErrors.KeyRequired().ToException();
            }

            changes[i] = changes[i] with { Metadata = QueryMetadata.Merge(changes[i].Metadata, query) };
        }

        await state.SaveAsync(target, changes, context.RequestAborted);
        GiveBack(request, body);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async ValueTask DeleteAsync(HttpContext context, RouteValues route)
    {
        using var target = await state.OpenAsync(route[0], context.RequestAborted);
        var change = new StateChange(route[1])
        {
            ETag = context.Request.Headers.IfMatch is { Count: > 0 } tags ? tags[0] : null,
            Concurrency = Query(context, "concurrency"),
            Consistency = Query(context, "consistency"),
            Metadata = QueryMetadata.Read(context.Request),
        };
        await state.DeleteAsync(target, change, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async ValueTask BulkGetAsync(HttpContext context, RouteValues route)
    {
        using var target = await state.OpenAsync(route[0], context.RequestAborted);
        BulkGetBody wanted;
        using (var request = await RequestBody.ReadAsync(context, CommonErrors.MalformedBody))
        using (var body = new StateBody(request.Memory))
        {
            wanted = Decode(body, static b => b.ReadBulkGet(), CommonErrors.MalformedBody);
        }

        var metadata = QueryMetadata.Merge(wanted.Metadata, QueryMetadata.Read(context.Request));
        var entries = await state.BulkGetAsync(target, wanted.Keys, wanted.Parallelism, metadata, context.RequestAborted);

        context.Response.ContentType = "application/json";
        Write(context.Response.BodyWriter, entries);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private async ValueTask TransactAsync(HttpContext context, RouteValues route)
    {
        using var target = await state.OpenAsync(route[0], context.RequestAborted);
        StateBlock.Transactional(target);
        var request = await RequestBody.ReadAsync(context, CommonErrors.MalformedBody);
        var body = new StateBody(request.Memory);
        var (steps, ownMetadata) = Decode(body, static b => b.ReadTransaction(), CommonErrors.MalformedBody);
        if (steps.Count > 0)
        {
            // Only the query's metadata is for the operations too; the body's is the transaction's alone.
            var query = QueryMetadata.Read(context.Request);
            var merged = steps
                .Select(s => s with { Change = s.Change with { Metadata = QueryMetadata.Merge(s.Change.Metadata, query) } })
                .ToArray();
            await state.TransactAsync(target, merged, QueryMetadata.Merge(ownMetadata, query), context.RequestAborted);
        }

        GiveBack(request, body);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private ValueTask QueryAsync(HttpContext context, RouteValues route) => state.QueryAsync(route[0], context.RequestAborted);

    private static T Decode<T>(StateBody body, Func<StateBody, T> read, Func<string, DaprError> onError)
    {
        try
        {
            return read(body);
        }
        catch (JsonException e)
        {
            throw onError(e.Message).ToException(e);
        }
    }

    /// <summary>
    /// Returns the buffers that the values lie in. Only after success: a call that was given up may have left a value in a
    /// driver's queue, and then the buffers are the collector's.
    /// </summary>
    private static void GiveBack(RequestBody request, StateBody body)
    {
        body.Dispose();
        request.Dispose();
    }

    private static string Query(HttpContext context, string name)
        => context.Request.QueryString.HasValue && context.Request.Query[name] is [{ } value, ..] ? value : "";

    private static void Write(System.Buffers.IBufferWriter<byte> output, IReadOnlyList<BulkGetEntry> entries)
    {
        using var json = new Utf8JsonWriter(output, WriterOptions);
        json.WriteStartArray();
        foreach (var entry in entries)
        {
            json.WriteStartObject();
            json.WriteString("key"u8, entry.Key);
            if (entry.Error is { Length: > 0 } error)
            {
                json.WriteString("error"u8, error);
            }
            else if (!entry.Item.Value.IsEmpty && !CompactJson.IsValue(entry.Item.Value.Span))
            {
                // Saved as bytes over gRPC: it can't stand in this answer, and the other entries must not suffer.
                json.WriteString("error"u8, "the stored value is not JSON; get it by itself or over gRPC");
            }
            else
            {
                WriteItem(json, entry.Item);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteItem(Utf8JsonWriter json, StateItem item)
    {
        if (!item.Value.IsEmpty)
        {
            json.WritePropertyName("data"u8);
            json.WriteRawValue(item.Value.Span, skipInputValidation: true);
        }

        if (item.ETag is not null)
        {
            json.WriteString("etag"u8, item.ETag);
        }

        if (item.Expires is { } expires)
        {
            json.WriteStartObject("metadata"u8);
            json.WriteString(StateExpiry.Key, StateExpiry.Format(expires));
            json.WriteEndObject();
        }
    }
}
