using System.Globalization;
using DaprK8s.Components.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>Taking over messages that were left without an answer.</summary>
internal sealed partial class RedisSubscription
{
    private async Task ReclaimLoopAsync()
    {
        // Messages that wait here for a handler must be renewed well before others take them for lost.
        var renewal = settings.ProcessingTimeout / 3;
        var step = renewal < settings.RedeliverInterval ? renewal : settings.RedeliverInterval;
        var last = context.Time.GetTimestamp();
        await ReclaimAsync();
        while (!stopping.IsCancellationRequested)
        {
            await Task.Delay(step, context.Time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                return;
            }

            await RenewWaitingAsync(renewal);
            if (context.Time.GetElapsedTime(last) >= settings.RedeliverInterval - (step / 2))
            {
                last = context.Time.GetTimestamp();
                await ReclaimAsync();
            }
        }
    }

    // Walks through all pending messages of the group, page by page.
    private async Task ReclaimAsync()
    {
        try
        {
            RedisValue from = "-";
            while (!stopping.IsCancellationRequested)
            {
                var page = await client.Database.StreamPendingMessagesAsync(topic, settings.ConsumerId, settings.QueueDepth, RedisValue.Null, from);
                List<string> lost = [];
                foreach (var pending in page)
                {
                    if (pending.IdleTimeInMilliseconds >= settings.ProcessingTimeout.TotalMilliseconds
                        && (string)pending.MessageId! is var id && !held.Contains(id))
                    {
                        lost.Add(id);
                    }
                }

                if (lost.Count > 0)
                {
                    await TakeOverAsync(lost);
                }

                if (page.Length < settings.QueueDepth)
                {
                    return;
                }

                from = Following((string)page[^1].MessageId!);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The rest is for others.
        }
        catch (RedisServerException e) when (e.Says("NOGROUP"))
        {
            // The read loop makes it anew.
        }
        catch (Exception e)
        {
            context.Logger.LogDebug("{Component}: looking for lost messages of topic {Topic} failed: {Problem}", context.LogName, topic, client.Explain(e));
        }
    }

    // No more are taken than there is room for, so that other consumers can take their share.
    private async Task TakeOverAsync(List<string> lost)
    {
        for (var at = 0; at < lost.Count;)
        {
            await queue.Writer.WaitToWriteAsync(stopping.Token);
            var room = Math.Clamp(settings.QueueDepth - queue.Reader.Count, 1, lost.Count - at);
            var ids = lost.GetRange(at, room);
            at += room;
            List<StreamMessage> claimed;
            using (var reply = await client.ClaimAsync(topic, settings.ConsumerId, ids, settings.ProcessingTimeout))
            {
                claimed = StreamReply.ReadClaimed(reply, topic, LogBadMetadata);
            }

            if (claimed.Count > 0)
            {
                context.Logger.LogDebug("{Component}: {Count} lost messages of topic {Topic} are delivered again", context.LogName, claimed.Count, topic);
            }

            await ForgetDeletedAsync(ids, claimed);
            await EnqueueAsync(claimed);
        }
    }

    // An entry that was trimmed away stays pending for ever on servers before 7, unless somebody acknowledges it.
    private async Task ForgetDeletedAsync(List<string> ids, List<StreamMessage> claimed)
    {
        if (claimed.Count == ids.Count)
        {
            return;
        }

        foreach (var id in ids.Except(claimed.Select(static m => m.Id)))
        {
            var found = await client.Database.StreamRangeAsync(topic, id, id, 1);
            if (found.Length == 0)
            {
                await client.Database.StreamAcknowledgeAsync(topic, settings.ConsumerId, id);
            }
        }
    }

    private async Task RenewWaitingAsync(TimeSpan age)
    {
        var now = context.Time.GetTimestamp();
        var waiting = held.WaitingSince(now - (long)(age.TotalSeconds * context.Time.TimestampFrequency));
        if (waiting.Count > 0)
        {
            await RenewAsync(waiting, now);
        }
    }

    // The time until others take the message over starts anew with the handler, as the handler's own time does.
    private ValueTask RenewIfOldAsync(StreamMessage message)
    {
        var now = context.Time.GetTimestamp();
        return settings.Redelivers && context.Time.GetElapsedTime(message.ClaimedAt, now) > settings.ProcessingTimeout / 10
            ? new ValueTask(RenewAsync([message], now))
            : ValueTask.CompletedTask;
    }

    private async Task RenewAsync(IReadOnlyList<StreamMessage> messages, long now)
    {
        try
        {
            await client.ClaimIdsAsync(topic, settings.ConsumerId, messages, TimeSpan.Zero);
            foreach (var message in messages)
            {
                message.ClaimedAt = now;
            }
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            context.Logger.LogDebug("{Component}: renewing messages of topic {Topic} failed: {Problem}", context.LogName, topic, client.Explain(e));
        }
    }

    // The next possible id after one; servers before 6.2 cannot be asked for "greater than".
    private static string Following(string id)
    {
        var dash = id.IndexOf('-', StringComparison.Ordinal);
        var sequence = ulong.Parse(id.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture);
        return sequence < ulong.MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"{id.AsSpan(0, dash)}-{sequence + 1}")
            : string.Create(CultureInfo.InvariantCulture, $"{ulong.Parse(id.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture) + 1}-0");
    }
}
