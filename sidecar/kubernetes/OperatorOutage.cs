using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Kubernetes;

/// <summary>
/// Tells of the operator being away once for all the streams that notice it, again when it lasts, and when it is over
/// (contract: k8s 5.8; the reference gives up where this goes on).
/// </summary>
internal sealed class OperatorOutage(TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan LongAfter = TimeSpan.FromMinutes(15);

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> since = [];
    private bool isToldOf;
    private bool isLongToldOf;

    /// <summary>A stream broke or can't be opened.</summary>
    public void Begin(string kind, string problem)
    {
        lock (gate)
        {
            since.TryAdd(kind, time.GetTimestamp());
            if (!isToldOf)
            {
                isToldOf = true;
                logger.LogWarning("Updates of {Kind} resources from the operator are interrupted, trying again: {Problem}", kind, problem);
            }
            else if (!isLongToldOf && time.GetElapsedTime(since[kind]) >= LongAfter)
            {
                isLongToldOf = true;
                logger.LogError(
                    "No updates from the operator for {Minutes} minutes; what is loaded stays in use, and the operator is tried again once a minute: {Problem}",
                    LongAfter.TotalMinutes, problem);
            }
            else
            {
                logger.LogDebug("Updates of {Kind} resources are interrupted: {Problem}", kind, problem);
            }
        }
    }

    /// <summary>A stream is open again.</summary>
    public void End(string kind)
    {
        lock (gate)
        {
            if (since.Remove(kind) && since.Count == 0)
            {
                (isToldOf, isLongToldOf) = (false, false);
                logger.LogInformation("Updates of resources come from the operator again");
            }
        }
    }
}
