using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests;

/// <summary>
/// What each variant renders to, as a file under <c>golden</c>. A variant is a file with values under <c>variants</c>, whose first line
/// may name a version of Kubernetes. <c>make golden</c> writes the files anew.
/// </summary>
[Trait("Golden", "files")]
public sealed class GoldenFileTests
{
    private const string Version = "# kubernetes: ";

    public static TheoryData<string> Variants
        => [.. Directory.GetFiles(Path.Combine(Repository.Tests, "variants"), "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)).Order()];

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_variant_renders_to_its_golden_file(string variant)
    {
        var values = Path.Combine(Repository.Tests, "variants", variant + ".yaml");
        var first = File.ReadLines(values).FirstOrDefault() ?? "";
        var version = first.StartsWith(Version, StringComparison.Ordinal) ? first[Version.Length..] : "1.34";

        var rendered = Helm.Template("--values", values, "--kube-version", version).Text;

        var golden = Path.Combine(Repository.Tests, "golden", variant + ".yaml");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") is { Length: > 0 })
        {
            File.WriteAllText(golden, rendered);
        }

        Assert.True(File.Exists(golden), $"{golden} is missing: run make golden and look at what it wrote");
        if (File.ReadAllText(golden) != rendered)
        {
            Assert.Fail(Difference(variant, File.ReadAllLines(golden), rendered.TrimEnd('\n').Split('\n')));
        }
    }

    [Fact]
    public void No_golden_file_is_without_a_variant()
        => Assert.Equal(Variants.Select(v => (string)v), Directory.GetFiles(Path.Combine(Repository.Tests, "golden"), "*.yaml").Select(Path.GetFileNameWithoutExtension).Order());

    private static string Difference(string variant, string[] expected, string[] actual)
    {
        var line = Enumerable.Range(0, Math.Max(expected.Length, actual.Length)).First(i => expected.ElementAtOrDefault(i) != actual.ElementAtOrDefault(i));
        return $"{variant} differs from its golden file at line {line + 1}. If that is meant: make golden.\n"
            + $"golden:   {expected.ElementAtOrDefault(line)}\nrendered: {actual.ElementAtOrDefault(line)}";
    }
}
