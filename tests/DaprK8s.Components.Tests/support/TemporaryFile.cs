namespace DaprK8s.Components.Tests.Support;

/// <summary>A file in a directory of its own that goes with the test.</summary>
public sealed class TemporaryFile : IAsyncDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("daprk8s-test-").FullName;

    /// <summary>The file; it does not exist yet.</summary>
    public string Path => System.IO.Path.Combine(directory, "file");

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}
