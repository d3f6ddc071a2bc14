using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Storage;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>
/// Watches: one JSON object a line for each change after a revision; bookmarks when a test asks for them and at the regular end;
/// an <c>ERROR</c> with 410 when the history does not reach back.
/// </summary>
internal sealed class Watching(ObjectStore store)
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
        var matches = Selectors.Parse(query["fieldSelector"], query["labelSelector"]);
        var form = Representation.For(context.Request.Headers.Accept);
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
            var at = await BeginAsync(request, context, form, matches);
            Interruption? due = null;
            while (!end.IsCancellationRequested)
            {
                var (changes, revision, more) = store.ChangesAfter(at);
                foreach (var change in changes.Where(c => c.After.Type == request.Type && (request.Namespace is null || c.After.Namespace == request.Namespace)))
                {
                    await WriteChangeAsync(context, form, change, matches);
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

    private async Task<long> BeginAsync(ApiRequest request, HttpContext context, Representation form, Func<StoredObject, bool> matches)
    {
        var from = (string?)context.Request.Query["resourceVersion"];
        if (!string.IsNullOrEmpty(from) && from != "0")
        {
            return long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
                ? revision
                : throw ApiException.BadRequest($"invalid resource version {from}");
        }

        var (items, now) = store.List(request.Type!, request.Namespace);
        foreach (var item in items.Where(matches))
        {
            await WriteAsync(context, "ADDED", form.Of(item));
        }

        return now;
    }

    /// <summary>An object that begins or ceases to match a selector is added or deleted, as far as this watch is concerned.</summary>
    private static Task WriteChangeAsync(HttpContext context, Representation form, StoredChange change, Func<StoredObject, bool> matches)
    {
        var before = change.Before is { } old && matches(old);
        var after = !change.IsDeletion && matches(change.After);
        return (before, after) switch
        {
            (false, true) => WriteAsync(context, "ADDED", form.Of(change.After)),
            (true, true) => WriteAsync(context, "MODIFIED", form.Of(change.After)),
            (true, false) => WriteAsync(context, "DELETED", form.Of(change.After)),
            _ => Task.CompletedTask,
        };
    }

    private static Task BookmarkAsync(HttpContext context, ApiRequest request, long at) => WriteAsync(context, "BOOKMARK", new JsonObject
    {
        ["kind"] = request.Type!.Kind,
        ["apiVersion"] = request.Type.ApiVersion,
        ["metadata"] = new JsonObject { ["resourceVersion"] = at.ToString(CultureInfo.InvariantCulture), ["creationTimestamp"] = null },
    });

    private static async Task WriteAsync(HttpContext context, string type, JsonObject @object)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["type"] = type, ["object"] = @object });
        await context.Response.Body.WriteAsync((byte[])[.. line, (byte)'\n'], context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>One interruption and the way to the next, so that a watch misses none however fast they come.</summary>
    private sealed class InterruptionLink
    {
        public TaskCompletionSource<(Interruption Kind, InterruptionLink Next)> Happened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
