using System.Globalization;
using StackExchange.Redis;

namespace DaprK8s.Components.State.Redis;

/// <summary>Keys and arguments of one run of <see cref="RedisStateScript"/>, and what its reply means.</summary>
internal sealed class RedisStateWrite
{
    private readonly IReadOnlyList<StateOperation> operations;

    private RedisStateWrite(IReadOnlyList<StateOperation> operations)
    {
        this.operations = operations;
        Keys = new RedisKey[operations.Count];
        Arguments = new RedisValue[operations.Count * RedisStateScript.ArgumentsPerOperation];
    }

    /// <summary>One key for each operation.</summary>
    public RedisKey[] Keys { get; }

    /// <summary>All arguments.</summary>
    public RedisValue[] Arguments { get; }

    /// <summary>The write must have reached the replicas.</summary>
    public bool IsStrong { get; private set; }

    /// <summary>Translates operations.</summary>
    /// <param name="operations">At least one.</param>
    /// <param name="inTransaction">First-write is not honoured inside of a transaction.</param>
    /// <param name="defaultTtl">The TTL in seconds of writes that name none, or <see langword="null"/>.</param>
    /// <exception cref="InvalidETagException">An ETag is no number.</exception>
    public static RedisStateWrite Of(IReadOnlyList<StateOperation> operations, bool inTransaction, long? defaultTtl)
    {
        var write = new RedisStateWrite(operations);
        for (var i = 0; i < operations.Count; i++)
        {
            write.Keys[i] = operations[i].Key;
            var arguments = write.Arguments.AsSpan(i * RedisStateScript.ArgumentsPerOperation, RedisStateScript.ArgumentsPerOperation);
            arguments.Fill(RedisValue.EmptyString);
            write.Add(operations[i], arguments, inTransaction, defaultTtl);
        }

        return write;
    }

    /// <summary>The exception for the operation, counted from 1, that the script refused.</summary>
    public Exception Refusal(long position) => operations[(int)position - 1] switch
    {
        StateSet { HasETag: true } set => new ETagMismatchException($"failed to set key {set.Key}"),
        StateSet set => new InvalidOperationException($"failed to set key {set.Key}: it was written with first-write and needs its etag"),
        StateAssert assert => new ETagMismatchException(
            assert.HasETag ? $"key {assert.Key} has another etag than asserted" : $"key {assert.Key} exists, against the assertion"),
        var other => new ETagMismatchException($"failed to delete {other.Key}"),
    };

    /// <summary>What was attempted, for an error.</summary>
    public string Attempt => operations.Count > 1 ? "failed to apply the transaction"
        : operations[0] is StateSet ? $"failed to set key {operations[0].Key}"
        : $"failed to delete {operations[0].Key}";

    private void Add(StateOperation operation, Span<RedisValue> arguments, bool inTransaction, long? defaultTtl)
    {
        switch (operation)
        {
            case StateSet set:
                arguments[0] = RedisStateScript.Set;
                arguments[1] = ExpectedVersion(set);
                arguments[2] = set.Value.Bytes;
                arguments[3] = !inTransaction && set.Concurrency == StateConcurrency.FirstWrite ? RedisStateScript.Marked : RedisValue.EmptyString;
                arguments[4] = (TtlOf(set) ?? defaultTtl) is { } ttl ? ttl : RedisStateScript.KeepTtl;
                IsStrong |= set.Consistency == StateConsistency.Strong;
                break;
            case StateDelete delete:
                arguments[0] = RedisStateScript.Delete;
                arguments[1] = delete.HasETag ? delete.ETag : "0";
                IsStrong |= delete.Consistency == StateConsistency.Strong;
                break;
            case StateAssert assert:
                arguments[0] = RedisStateScript.Assert;
                arguments[1] = assert.ETag ?? "";
                break;
            default:
                throw new ArgumentException($"unknown state operation {operation.GetType().Name}");
        }
    }

    // An ETag does not count for a last-write.
    private static RedisValue ExpectedVersion(StateSet set)
    {
        if (!set.HasETag || set.Concurrency == StateConcurrency.LastWrite)
        {
            return 0;
        }

        return long.TryParse(set.ETag, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var version)
            ? version
            : throw new InvalidETagException($"\"{set.ETag}\" is not a number");
    }

    private static long? TtlOf(StateSet set)
    {
        // Any negative number means no expiry here, not just -1.
        if (!set.Metadata.TryGetValue(StateTtl.Key, out var text) || text.Length == 0)
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : throw new FormatException($"failed to parse ttl from metadata: \"{text}\" is not a whole number of seconds");
    }
}
