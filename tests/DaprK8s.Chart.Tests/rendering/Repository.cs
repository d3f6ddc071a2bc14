using System.Runtime.CompilerServices;

namespace DaprK8s.Chart.Tests.Rendering;

/// <summary>Where the files are that these tests look at.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Here(), "../../.."));

    public static string Chart { get; } = Path.Combine(Root, "charts/dapr");

    public static string Tests { get; } = Path.Combine(Root, "tests/DaprK8s.Chart.Tests");

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
