namespace DaprK8s.Common.Hosting;

/// <summary>
/// A problem that lasts, told once: not at each attempt, but again when it has become another one, or was over in between. For any
/// number of threads.
/// </summary>
public sealed class Complaint
{
    private string? told;

    /// <summary>Whether a problem is another one than the last, and so is to be told.</summary>
    public bool IsNew(string problem) => Interlocked.Exchange(ref told, problem) != problem;

    /// <summary>The problem is over.</summary>
    /// <returns>Whether there was one.</returns>
    public bool End() => Interlocked.Exchange(ref told, null) is not null;
}
