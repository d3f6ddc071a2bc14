using System.Diagnostics;
using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Images;

/// <summary><c>make images</c> and <c>make chart</c>; an engine is played by a script that writes down what it is asked for.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ImagesCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    [Fact]
    public void Every_image_gets_the_name_and_tag_that_are_asked_for()
    {
        var asked = Run("docker", "make", "images", "REGISTRY=registry.example/own", "TAG=7").Asked;

        Assert.Equal(
            ["daprd:7 sidecar/Dockerfile", "operator:7 operator/Dockerfile", "injector:7 injector/Dockerfile", "sentry:7 sentry/Dockerfile"],
            asked.Where(a => a.Contains(" build ")).Select(a => $"{After(a, "--tag ").Replace("registry.example/own/", "", StringComparison.Ordinal)} {After(a, "--file ")}"));
        Assert.All(asked.Where(a => a.Contains(" build ")), a => Assert.Contains("--load", a));
        Assert.All(asked.Where(a => a.Contains(" build ")), a => Assert.DoesNotContain("--platform", a));
    }

    [Fact]
    public void Images_for_several_platforms_are_pushed_with_a_list_of_what_is_in_them()
    {
        var asked = Run("docker", "make", "images", "TAG=7", "PLATFORMS=linux/amd64,linux/arm64", "PUSH=1").Asked.Where(a => a.Contains(" build "));

        Assert.All(asked, a => Assert.Contains("--platform linux/amd64,linux/arm64 --sbom=true --push", a));
        Assert.NotEmpty(asked);
    }

    [Fact]
    public void Podman_does_as_well()
    {
        var asked = Run("podman", "make", "images", "REGISTRY=r", "TAG=7", "PUSH=1").Asked;

        Assert.Contains(asked, a => a.StartsWith("podman build ", StringComparison.Ordinal) && a.Contains("--manifest r/operator:7 --file operator/Dockerfile"));
        Assert.Contains("podman manifest push --all r/operator:7", asked);
    }

    [Theory]
    [InlineData("", "neither docker with buildx nor podman is here")]
    [InlineData("docker", "can only be pushed: add PUSH=1", "PLATFORMS=linux/amd64,linux/arm64")]
    public void What_can_not_work_is_said(string engine, string message, params string[] arguments)
    {
        var (code, error, asked) = Run(engine, ["make", "images", .. arguments]);

        Assert.NotEqual(0, code);
        Assert.Contains(message, error);
        Assert.DoesNotContain(asked, a => a.Contains(" build "));
    }

    [Fact]
    public void The_packaged_chart_has_the_version_and_the_images_that_are_asked_for()
    {
        var target = Path.Combine(Repository.Root, "dist/charts/dapr-9.8.7-test.tgz");
        try
        {
            var (code, error, _) = Run("", "make", "chart", "VERSION=9.8.7-test", "TAG=tagged", "REGISTRY=registry.example/own");
            Assert.True(code == 0, error);

            var (_, rendered, _) = Helm.Run("template", "dapr", target);
            var (_, description, _) = Helm.Run("show", "chart", target);

            Assert.Contains("image: \"registry.example/own/operator:tagged\"", rendered);
            Assert.Contains("version: 9.8.7-test", description);
            Assert.Contains("appVersion: 9.8.7-test", description);
            Assert.DoesNotContain("0.0.0", description);
        }
        finally
        {
            File.Delete(target);
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string After(string text, string word) => text[(text.IndexOf(word, StringComparison.Ordinal) + word.Length)..].Split(' ')[0];

    private (int Code, string Error, string[] Asked) Run(string engine, params string[] command)
    {
        var log = Path.Combine(folder, "log");
        File.WriteAllText(log, "");
        foreach (var name in (string[])["docker", "podman"])
        {
            var script = Path.Combine(folder, name);
            File.WriteAllText(script, name == engine ? $"#!/bin/sh\necho {name} \"$@\" >> {log}\n" : "#!/bin/sh\nexit 127\n");
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var start = new ProcessStartInfo("env", [$"PATH={folder}:/usr/bin:/bin", .. command]) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = Repository.Root };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error + output.Result, File.ReadAllLines(log));
    }
}
