using System.Collections.Concurrent;

namespace DaprK8s.Cluster.Controllers;

/// <summary>What the cluster's own parts could not do, for the failure message of a test.</summary>
internal sealed class ControllerLog
{
    private const int Kept = 200;
    private readonly ConcurrentQueue<string> lines = new();
    private readonly ConcurrentDictionary<(string Who, string What), string> last = new();

    /// <summary>The last lines.</summary>
    public string Text => string.Join('\n', lines);

    /// <summary>Notes a failure; one that only repeats itself is noted once.</summary>
    public void Failed(string who, string what, Exception e)
    {
        if (last.TryGetValue((who, what), out var known) && known == e.Message)
        {
            return;
        }

        last[(who, what)] = e.Message;
        lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {who} {what}: {e.Message}");
        while (lines.Count > Kept)
        {
            lines.TryDequeue(out _);
        }
    }
}
