using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.CustomResources;
using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>
/// Watches: one JSON object a line for each change after a revision; bookmarks when a test asks for them and at the regular end;
/// an <c>ERROR</c> with 410 when the history does not reach back.
/// </summary>
internal sealed class Watching(ObjectStore store, Conversion conversion)
{
    private InterruptionLink last = new();
    private int running;

    internal enum Interruption
    {
        Bookmark,
        Expire,
        Cut,
        End,
    }

    /// <summary>The watches that are open.</summary>
    public int Running => Volatile.Read(ref running);

    /// <summary>Something happens to all open watches.</summary>
    public void Interrupt(Interruption kind)
    {
        var next = new InterruptionLink();
        Interlocked.Exchange(ref last, next).Happened.SetResult((kind, next));
    }

    public async Task AnswerAsync(ApiRequest request, HttpContext context)
    {
        var query = context.Request.Query;
        var matches = Selectors.Parse(request.Type!, query["fieldSelector"], query["labelSelector"]);
        var form = Representation.For(context.Request.Headers.Accept, query["includeObject"]);
        var sink = new Sink(context, form, request.Type!, conversion);
        var bookmarks = (string?)query["allowWatchBookmarks"] is "true" or "1";
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        if (int.TryParse(query["timeoutSeconds"], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            end.CancelAfter(TimeSpan.FromSeconds(seconds));
        }

        var interrupted = Volatile.Read(ref last).Happened.Task;
        context.Response.ContentType = "application/json";
        await context.Response.StartAsync(context.RequestAborted);
        // Headers go out now: a client may wait for them before it goes on.
        await context.Response.Body.FlushAsync(context.RequestAborted);
        Interlocked.Increment(ref running);
        try
        {
            var at = await BeginAsync(request, context, sink, matches);
            Interruption? due = null;
            while (!end.IsCancellationRequested)
            {
                var (changes, revision, more) = store.ChangesAfter(at);
                foreach (var change in changes.Where(c => c.After.Type.StorageName == request.Type!.StorageName && (request.Namespace is null || c.After.Namespace == request.Namespace)))
                {
                    await WriteChangeAsync(sink, change, matches);
                }

                // Only now: what happened before an interruption is told before it.
                at = revision;
                switch (due)
                {
                    case Interruption.Cut:
                        context.Abort();
                        return;
                    case Interruption.End:
                        return;
                    case Interruption.Expire:
                        throw ApiException.Expired(at, store.Revision);
                    case Interruption.Bookmark when bookmarks:
                        await BookmarkAsync(context, request, at);
                        break;
                }

                due = null;
                if (await Task.WhenAny(more, interrupted, Task.Delay(Timeout.Infinite, end.Token)) == interrupted)
                {
                    (due, var next) = await interrupted;
                    interrupted = next.Happened.Task;
                }
            }

            if (bookmarks && !context.RequestAborted.IsCancellationRequested)
            {
                await BookmarkAsync(context, request, at);
            }
        }
        catch (ApiException e)
        {
            await WriteAsync(context, "ERROR", e.ToStatus());
        }
        finally
        {
            Interlocked.Decrement(ref running);
        }
    }

    private async Task<long> BeginAsync(ApiRequest request, HttpContext context, Sink sink, Func<StoredObject, bool> matches)
    {
        var from = (string?)context.Request.Query["resourceVersion"];
        var initial = (string?)context.Request.Query["sendInitialEvents"] is "true" or "1";
        if (!initial && !string.IsNullOrEmpty(from) && from != "0")
        {
            return long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
                ? revision
                : throw ApiException.BadRequest($"invalid resource version {from}");
        }

        var (items, now) = store.List(request.Type!, request.Namespace);
        foreach (var item in items.Where(matches))
        {
            await sink.WriteAsync("ADDED", item);
        }

        if (initial)
        {
            await BookmarkAsync(context, request, now, true);
        }

        return now;
    }

    /// <summary>An object that begins or ceases to match a selector is added or deleted, as far as this watch is concerned.</summary>
    private static Task WriteChangeAsync(Sink sink, StoredChange change, Func<StoredObject, bool> matches)
    {
        var before = change.Before is { } old && matches(old);
        var after = !change.IsDeletion && matches(change.After);
        return (before, after) switch
        {
            (false, true) => sink.WriteAsync("ADDED", change.After),
            (true, true) => sink.WriteAsync("MODIFIED", change.After),
            (true, false) => sink.WriteAsync("DELETED", change.After),
            _ => Task.CompletedTask,
        };
    }

    private static Task BookmarkAsync(HttpContext context, ApiRequest request, long at, bool endsInitial = false)
    {
        var metadata = new JsonObject { ["resourceVersion"] = at.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null };
        if (endsInitial)
        {
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        }

        return WriteAsync(context, "BOOKMARK", new JsonObject { ["kind"] = request.Type!.Kind, ["apiVersion"] = request.Type.ApiVersion, ["metadata"] = metadata });
    }

    private static async Task WriteAsync(HttpContext context, string type, JsonObject @object)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["type"] = type, ["object"] = @object });
        await context.Response.Body.WriteAsync((byte[])[.. line, (byte)'\n'], context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>Writes objects in the form and the version that the watch wants.</summary>
    private sealed class Sink(HttpContext context, Representation form, ResourceType type, Conversion conversion)
    {
        private bool hasColumns;

        public async Task WriteAsync(string kind, StoredObject stored)
        {
            var wanted = await conversion.ToAsync(stored, type, context.RequestAborted);
            await Watching.WriteAsync(context, kind, form.Of(wanted, !hasColumns));
            hasColumns = true;
        }
    }

    /// <summary>One interruption and the way to the next, so that a watch misses none however fast they come.</summary>
    private sealed class InterruptionLink
    {
        public TaskCompletionSource<(Interruption Kind, InterruptionLink Next)> Happened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
