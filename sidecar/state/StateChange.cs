using DaprK8s.Components;

namespace DaprK8s.Sidecar.State;

/// <summary>A write or delete as a caller asked for it; the value plays no part in a delete.</summary>
/// <param name="Key">The caller's key, without prefix.</param>
/// <param name="Value">The value; its bytes must stay as they are until the block's call has ended.</param>
internal readonly record struct StateChange(string Key, StateValue Value = default)
{
    private readonly string? concurrency;
    private readonly string? consistency;
    private readonly IReadOnlyDictionary<string, string>? metadata;

    /// <summary>The expected ETag; <see langword="null"/> or empty for none.</summary>
    public string? ETag { get; init; }

    /// <summary>Request metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata
    {
        get => metadata ?? EmptyMetadata.Instance;
        init => metadata = value;
    }

    /// <summary>The option as written; see <see cref="StateOptions"/>.</summary>
    public string Concurrency
    {
        get => concurrency ?? "";
        init => concurrency = value;
    }

    /// <summary>The option as written; see <see cref="StateOptions"/>.</summary>
    public string Consistency
    {
        get => consistency ?? "";
        init => consistency = value;
    }
}

/// <summary>One operation of a transaction.</summary>
/// <param name="Operation"><c>upsert</c> or <c>delete</c>, as the caller wrote it.</param>
/// <param name="Change">What to do.</param>
internal readonly record struct TransactionStep(string Operation, StateChange Change)
{
    public const string Upsert = "upsert";
    public const string Delete = "delete";
}
