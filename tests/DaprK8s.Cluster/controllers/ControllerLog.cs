using System.Collections.Concurrent;

namespace DaprK8s.Cluster.Controllers;

/// <summary>What the cluster's own parts could not do, for the failure message of a test.</summary>
internal sealed class ControllerLog
{
    private const int Kept = 200;
    private readonly ConcurrentQueue<string> lines = new();

    /// <summary>The last lines.</summary>
    public string Text => string.Join('\n', lines);

    public void Failed(string who, string what, Exception e) => Add($"{who} {what}: {e.Message}");

    public void Add(string line)
    {
        lines.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {line}");
        while (lines.Count > Kept)
        {
            lines.TryDequeue(out _);
        }
    }
}
