namespace DaprK8s.Generator;

/// <summary>Where the repository is.</summary>
public static class Repository
{
    /// <summary>The first directory, from one upwards, that holds the solution.</summary>
    /// <exception cref="DirectoryNotFoundException">None does.</exception>
    public static string FindRoot(string directory)
    {
        for (var candidate = new DirectoryInfo(directory); candidate is not null; candidate = candidate.Parent)
        {
            if (File.Exists(Path.Combine(candidate.FullName, "DaprK8s.sln")))
            {
                return candidate.FullName;
            }
        }

        throw new DirectoryNotFoundException($"{directory} is not in the repository: no directory above it holds DaprK8s.sln");
    }
}
