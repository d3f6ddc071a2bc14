using DaprK8s.Components;

namespace DaprK8s.Sidecar.State;

/// <summary>The words of the options of a state request (contract: components 3.1).</summary>
internal static class StateOptions
{
    public const string FirstWrite = "first-write";
    public const string LastWrite = "last-write";
    public const string Eventual = "eventual";
    public const string Strong = "strong";

    /// <exception cref="FormatException">The word is unknown.</exception>
    public static StateConcurrency Concurrency(string word)
        => word switch
        {
            "" => StateConcurrency.Unspecified,
            FirstWrite => StateConcurrency.FirstWrite,
            LastWrite => StateConcurrency.LastWrite,
            _ => throw new FormatException($"unrecognized concurrency model '{word}'"),
        };

    /// <exception cref="FormatException">The word is unknown.</exception>
    public static StateConsistency Consistency(string word)
        => word switch
        {
            "" => StateConsistency.Unspecified,
            Eventual => StateConsistency.Eventual,
            Strong => StateConsistency.Strong,
            _ => throw new FormatException($"unrecognized consistency model '{word}'"),
        };

    /// <summary>For reads, whose consistency nobody checks: an unknown word asks for nothing.</summary>
    public static StateConsistency ConsistencyOrDefault(string? word)
        => word switch
        {
            Eventual => StateConsistency.Eventual,
            Strong => StateConsistency.Strong,
            _ => StateConsistency.Unspecified,
        };
}
