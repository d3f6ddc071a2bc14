namespace DaprK8s.Components;

/// <summary>The stored item is another than the caller expected (409 / Aborted).</summary>
public sealed class ETagMismatchException(string? detail = null, Exception? inner = null)
    : Exception(detail is null ? Prefix : $"{Prefix}: {detail}", inner)
{
    private const string Prefix = "possible etag mismatch. error from state store";
}

/// <summary>The ETag is of no form that the store issues (400 / InvalidArgument).</summary>
public sealed class InvalidETagException(string? detail = null, Exception? inner = null)
    : Exception(detail is null ? Prefix : $"{Prefix}: {detail}", inner)
{
    private const string Prefix = "invalid etag value";
}

/// <summary>Some keys of a bulk write or delete failed; the others were applied.</summary>
public sealed class BulkStateException(IReadOnlyList<KeyValuePair<string, Exception>> failures)
    : Exception(string.Join('\n', failures.Select(f => f.Value.Message)), failures[0].Value)
{
    /// <summary>One failure for each key that was not applied.</summary>
    public IReadOnlyList<KeyValuePair<string, Exception>> Failures { get; } = failures;
}
