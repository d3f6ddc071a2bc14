using DaprK8s.Generator;

namespace DaprK8s.Kubernetes.Tests.Resources;

public sealed class GeneratedFilesTests
{
    private static readonly string Root = Repository.FindRoot(AppContext.BaseDirectory);

    public static TheoryData<string> Paths { get; } = [.. GeneratedFiles.All().Select(f => f.Path)];

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_generated_file_is_what_the_models_say(string path)
    {
        var expected = GeneratedFiles.All().Single(f => f.Path == path).Content;
        var file = Path.Combine(Root, path);

        Assert.True(File.Exists(file), $"{path} is missing; run make generate");
        Assert.True(expected == File.ReadAllText(file), $"{path} is not what the models say; run make generate and commit the result");
    }

    [Fact]
    public void The_chart_holds_each_definition_once()
    {
        var names = Directory.GetFiles(Path.Combine(Root, "charts/dapr/crds")).Select(Path.GetFileName).Order();

        Assert.Equal(
            ["components.yaml", "configuration.yaml", "httpendpoints.yaml", "mcpservers.yaml", "resiliency.yaml", "subscription.yaml", "workflowaccesspolicy.yaml"],
            names);
    }
}
