using System.Text.RegularExpressions;
using System.Xml.Linq;
using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Images;

/// <summary>
/// What the images must be (contract: k8s 5.10), read from the Dockerfiles: building them needs a container engine, which tests can't count on.
/// </summary>
public sealed partial class DockerfileTests
{
    public static TheoryData<string, string> Services => new()
    {
        { "sidecar", "daprd" }, { "operator", "operator" }, { "injector", "injector" }, { "sentry", "sentry" },
    };

    [Theory]
    [MemberData(nameof(Services))]
    public void The_executable_is_at_the_root_of_a_base_without_a_shell_and_runs_as_nobody(string folder, string binary)
    {
        var file = new Dockerfile(folder);
        var last = file.Stages[^1];

        Assert.Matches(@"^mcr\.microsoft\.com/dotnet/runtime-deps:10\.0-\w+-chiseled$", last.Base);
        Assert.Equal("65532:65532", last.Single("USER"));
        Assert.Equal("--from=build /image/ /", last.Single("COPY"));
        Assert.Equal($"[\"/{binary}\"]", last.Single("CMD"));
        // The injected container has no command of its own: its first argument is the executable.
        Assert.Empty(last.All("ENTRYPOINT"));
        Assert.Empty(last.All("RUN"));
        Assert.Contains($"<AssemblyName>{binary}</AssemblyName>", Repository.Read(Project(folder)));
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void It_is_compiled_on_the_building_machine_for_the_architecture_that_is_asked_for(string folder, string binary)
    {
        var build = new Dockerfile(folder).Stages[0];

        Assert.Equal("--platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0-noble-aot AS build", build.From);
        Assert.Contains("TARGETARCH", build.All("ARG"));
        Assert.Contains(build.All("RUN"), r => r.Contains($"dotnet publish {folder} ", StringComparison.Ordinal) && r.Contains("--runtime \"linux-", StringComparison.Ordinal));
        Assert.NotEmpty(binary);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Everything_that_the_project_is_made_of_is_copied_and_nothing_that_is_not_there(string folder, string binary)
    {
        var copied = new Dockerfile(folder).Stages[0].All("COPY").SelectMany(c => c.Split(' ')[..^1]).ToArray();

        Assert.All(copied, c => Assert.True(Path.Exists(Path.Combine(Repository.Root, c)), $"{c} does not exist"));
        Assert.All(Needs(Project(folder)), n => Assert.True(copied.Any(c => n == c || n.StartsWith(c + "/", StringComparison.Ordinal)), $"{n} is not copied for {binary}"));
        var ignored = Repository.Read(".dockerignore").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.DoesNotContain(copied, c => ignored.Contains(c.Split('/')[0]));
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void The_image_says_what_is_in_it(string folder, string binary)
    {
        var label = new Dockerfile(folder).Stages[^1].Single("LABEL");

        Assert.Contains($"org.opencontainers.image.title=\"{binary}\"", label);
        Assert.Contains("org.opencontainers.image.version=\"$VERSION\"", label);
        Assert.Contains("org.opencontainers.image.revision=\"$REVISION\"", label);
        Assert.Contains($"ARG VERSION={XDocument.Parse(Repository.Read("Directory.Build.props")).Descendants("Version").Single().Value}\n", Repository.Read(folder + "/Dockerfile"));
    }

    /// <summary>Each can be read and built by itself; what they have in common must not drift apart.</summary>
    [Fact]
    public void The_files_differ_in_names_and_in_what_is_copied_only()
        => Assert.Single(Services.Select(s => Common(s.Data.Item1, s.Data.Item2)).Distinct());

    private static string Common(string folder, string binary)
        => string.Join('\n', Repository.Read(folder + "/Dockerfile").Split('\n')
            .Where(l => !Regex.IsMatch(l, @"^COPY (\w+) \1$"))
            .Select(l => Regex.Replace(l, "(?<=image.description=\"DaprK8s: ).*(?=\")", ""))
            .Select(l => Regex.Replace(l, $@"(?<=The image `|title=""|CMD \[""/){binary}\b|(?<=publish ){folder}\b", "service")));

    [Fact]
    public void Every_service_that_the_chart_runs_by_default_has_an_image()
    {
        var images = Objects.Charts.Default.Of("Deployment").Select(d => d.Container["image"]!.GetValue<string>())
            .Append(Objects.Charts.Default["Deployment", "dapr-sidecar-injector"].Environment.Single(e => e.StartsWith("SIDECAR_IMAGE=", StringComparison.Ordinal)))
            .Select(i => i[(i.LastIndexOf('/') + 1)..i.LastIndexOf(':')]);

        Assert.Equal(Services.Select(s => s.Data.Item2).Order(), images.Order());
    }

    /// <summary>The files and folders of a project and of those that it refers to.</summary>
    private static IEnumerable<string> Needs(string project)
    {
        var folder = Path.GetDirectoryName(project)!;
        var document = XDocument.Parse(Repository.Read(project));
        var other = document.Descendants().Where(e => e.Name.LocalName is "EmbeddedResource" or "Compile" or "Content" or "None" or "Protobuf")
            .Select(e => e.Attribute("Include")?.Value).OfType<string>().Where(i => i.StartsWith("..", StringComparison.Ordinal))
            .Concat(document.Descendants("Import").Select(i => i.Attribute("Project")!.Value));
        var projects = document.Descendants("ProjectReference").Select(r => Relative(folder, r.Attribute("Include")!.Value));
        return other.Select(i => Relative(folder, i)).Append(project).Concat(projects.SelectMany(Needs)).Distinct();
    }

    private static string Relative(string folder, string path) => Path.GetRelativePath(Repository.Root, Path.GetFullPath(Path.Combine(Repository.Root, folder, path)));

    private static string Project(string folder) => Path.GetRelativePath(Repository.Root, Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.csproj").Single());

    /// <summary>A Dockerfile's instructions.</summary>
    private sealed partial class Dockerfile
    {
        public Dockerfile(string folder)
        {
            var text = Continuation().Replace(Regex.Replace(Repository.Read(folder + "/Dockerfile"), "^#.*\n", "", RegexOptions.Multiline), " ");
            Stages = [.. text.Split("FROM ", StringSplitOptions.RemoveEmptyEntries).Where(s => s.Trim().Length > 0).Select(s => new Stage(s.Split('\n')[0].Trim(), s.Split('\n')[1..]))];
        }

        public IReadOnlyList<Stage> Stages { get; }

        [GeneratedRegex(@"\\\n\s*")]
        private static partial Regex Continuation();
    }

    private sealed record Stage(string From, string[] Lines)
    {
        public string Base => From.Split(' ')[0];

        public IEnumerable<string> All(string instruction) => Lines.Where(l => l.StartsWith(instruction + " ", StringComparison.Ordinal)).Select(l => l[(instruction.Length + 1)..].Trim());

        public string Single(string instruction) => Assert.Single(All(instruction));
    }
}
