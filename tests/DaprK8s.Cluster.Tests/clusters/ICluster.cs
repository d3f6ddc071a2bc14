namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>A cluster that the end-to-end tests run against: a real one, or the stand-in. Tests do what a user does.</summary>
public interface ICluster : IAsyncDisposable
{
    /// <summary>The file that <c>helm</c> and <c>kubectl</c> find the cluster by.</summary>
    string KubeConfig { get; }

    /// <summary>The home directory of <c>helm</c> and <c>kubectl</c>, where they remember things of a cluster; the user's own when absent.</summary>
    string? ToolHome { get; }

    /// <summary>What the chart is told about the images.</summary>
    IReadOnlyList<string> ChartValues { get; }

    /// <summary>The image that apps run on: one with Node.js.</summary>
    string AppImage { get; }

    /// <summary>An address at which a port of a pod answers.</summary>
    Task<Uri> ReachAsync(string @namespace, string pod, int port);

    /// <summary>Runs a command in a container.</summary>
    Task<CommandResult> ExecuteAsync(string @namespace, string pod, string container, params string[] command);

    /// <summary>What a failed test should show of the cluster beside what <c>kubectl</c> tells.</summary>
    string Diagnosis { get; }
}
