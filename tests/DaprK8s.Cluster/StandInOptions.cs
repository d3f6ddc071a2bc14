namespace DaprK8s.Cluster;

/// <summary>How a stand-in cluster differs from the usual one.</summary>
public sealed record StandInOptions
{
    /// <summary>The directory with the published executables: what the project's own images hold.</summary>
    public required string Executables { get; init; }

    /// <summary>The wait before a container that ended is started a second time; it doubles up to <see cref="LongestBackOff"/>.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest wait before a restart. A real kubelet's is five minutes.</summary>
    public TimeSpan LongestBackOff { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The shortest life that service-account tokens of pods are given, whatever the pod asks for; a real one gives ten minutes.</summary>
    public TimeSpan ShortestTokenLife { get; init; } = TimeSpan.FromMinutes(10);
}
