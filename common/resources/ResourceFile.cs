namespace DaprK8s.Common.Resources;

/// <summary>What one file holds.</summary>
/// <param name="Path">The file.</param>
/// <param name="Resources">The resources of the documents that could be read, in document order.</param>
/// <param name="Problems">What could not be read, each with the file and the place in it; ready to be logged.</param>
public sealed record ResourceFile(string Path, ResourceSet Resources, IReadOnlyList<string> Problems)
{
    /// <summary>There is nothing in it but white space: somebody may be about to write it.</summary>
    public bool IsBlank { get; init; }

    /// <summary>Whether there is any resource in it.</summary>
    public bool HasResources
        => Resources.Components.Count + Resources.HttpEndpoints.Count + Resources.Subscriptions.Count + Resources.Others.Count > 0;

    /// <summary>A file that could not be read at all.</summary>
    public static ResourceFile Unreadable(string path, string problem) => new(path, ResourceSet.CreateEmpty(), [problem]);
}
