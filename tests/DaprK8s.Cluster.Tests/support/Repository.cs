namespace DaprK8s.Cluster.Tests.Support;

/// <summary>Files of the repository that the tests run from.</summary>
public static class Repository
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = Find();

    /// <summary>The app of the tests.</summary>
    public static string AppScript => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "apps", "app.js"));

    private static string Find()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "DaprK8s.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException("these tests run from within the repository");
    }
}
