using DaprK8s.Protos.Operator.Status.V1;

namespace DaprK8s.Operator.Reports;

/// <summary>Which sidecar reports.</summary>
internal readonly record struct PodKey(string Namespace, string AppId, string Pod);

/// <summary>Which resource of a namespace.</summary>
internal readonly record struct ResourceName(string Kind, string Name);

/// <summary>Which resource of the cluster.</summary>
internal readonly record struct ResourceKey(string Namespace, string Kind, string Name);

/// <summary>How a resource fares in one sidecar, held small: there may be one for each sidecar and each resource.</summary>
/// <param name="State">How it fares.</param>
/// <param name="UidHash">Of the uid of the object that was loaded; 0 when it was not said.</param>
/// <param name="Generation">Of the object that was loaded.</param>
/// <param name="Since">Since when.</param>
/// <param name="Problem">Why it is not ready; <see langword="null"/> for most.</param>
internal readonly record struct ReportedState(ResourceState.Types.State State, int UidHash, long Generation, DateTimeOffset? Since, ReportedProblem? Problem)
{
    private const int MaxReason = 128;
    private const int MaxMessage = 1024;

    /// <summary>Reads a report; what is too long is cut.</summary>
    public static ReportedState Read(ResourceState state)
        => new(
            state.State,
            HashOf(state.Uid),
            state.Generation,
            state.Since is { } since && IsTime(since.Seconds) ? DateTimeOffset.FromUnixTimeSeconds(since.Seconds) : null,
            state.Reason.Length > 0 || state.Message.Length > 0 ? new ReportedProblem(Cut(state.Reason, MaxReason), Cut(state.Message, MaxMessage)) : null);

    /// <summary>Writes it for another replica.</summary>
    public ResourceState Write(ResourceName resource)
    {
        var state = new ResourceState
        {
            Kind = resource.Kind, Name = resource.Name, Generation = Generation, State = State, Reason = Problem?.Reason ?? "", Message = Problem?.Message ?? "",
            Uid = UidHash == 0 ? "" : $"{HashPrefix}{UidHash}",
        };
        if (Since is { } since)
        {
            state.Since = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(since);
        }

        return state;
    }

    /// <summary>The same text gives the same number in every replica.</summary>
    public static int HashOf(string uid)
    {
        if (uid.StartsWith(HashPrefix, StringComparison.Ordinal) && int.TryParse(uid.AsSpan(HashPrefix.Length), out var known))
        {
            return known;
        }

        var hash = 17;
        foreach (var c in uid)
        {
            hash = unchecked((hash * 31) + c);
        }

        return uid.Length == 0 ? 0 : hash == 0 ? 1 : hash;
    }

    private const string HashPrefix = "hash:";

    private static bool IsTime(long seconds) => seconds is > 0 and < 253402300800;

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";
}

/// <summary>Why a resource is not ready.</summary>
internal sealed record ReportedProblem(string Reason, string Message);
