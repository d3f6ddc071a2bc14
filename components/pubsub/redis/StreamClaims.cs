using DaprK8s.Components.Redis;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>The forms of <c>XCLAIM</c> that the client library does not have.</summary>
internal static class StreamClaims
{
    /// <summary>Sets how long pending messages count as idle, without fetching them or counting a delivery.</summary>
    public static async Task ClaimIdsAsync(this RedisClient client, string topic, string consumer, IReadOnlyList<StreamMessage> messages, TimeSpan idle)
    {
        var arguments = Begin(topic, consumer, TimeSpan.Zero, messages.Count + 3);
        foreach (var message in messages)
        {
            arguments.Add((RedisValue)message.Id);
        }

        arguments.Add((RedisValue)"IDLE");
        arguments.Add((RedisValue)(long)idle.TotalMilliseconds);
        arguments.Add((RedisValue)"JUSTID");
        using var reply = await client.Database.ExecuteRespAsync("XCLAIM", arguments.ToArray());
    }

    /// <summary>Takes over pending messages that are still idle for a time.</summary>
    /// <returns>The reply with the entries.</returns>
    public static Task<RespResult> ClaimAsync(this RedisClient client, string topic, string consumer, IReadOnlyList<string> ids, TimeSpan idle)
    {
        var arguments = Begin(topic, consumer, idle, ids.Count);
        foreach (var id in ids)
        {
            arguments.Add((RedisValue)id);
        }

        return client.Database.ExecuteRespAsync("XCLAIM", arguments.ToArray());
    }

    private static List<RedisKeyOrValue> Begin(string topic, string consumer, TimeSpan minIdle, int more)
        => new(4 + more) { (RedisKey)topic, (RedisValue)consumer, (RedisValue)consumer, (RedisValue)(long)minIdle.TotalMilliseconds };
}
