namespace DaprK8s.Cluster.Node;

/// <summary>
/// The images that can be "pulled": the project's own, which hold the executables of this build and nothing else, and a few common
/// ones, whose programs are the machine's.
/// </summary>
internal sealed class ImageTable(string executables)
{
    private static readonly string[] Services = ["daprd", "operator", "injector", "sentry", "placement", "scheduler"];
    private static readonly string[] Common = ["node", "busybox", "alpine", "debian", "ubuntu"];
    private static readonly Dictionary<string, string> NoFiles = [];

    /// <summary>What an image holds; nothing when there is no such image.</summary>
    /// <param name="reference">For example <c>registry.example/daprd:1.18.0</c>.</param>
    public ContainerImage? Find(string reference)
    {
        var name = reference.Split('@')[0].Split('/')[^1].Split(':')[0];
        if (Common.Contains(name))
        {
            return new ContainerImage(NoFiles, true, [name == "node" ? "node" : "sh"], 0);
        }

        var executable = Path.Combine(executables, name);
        if (!Services.Contains(name) || !File.Exists(executable))
        {
            return null;
        }

        var files = Directory.EnumerateFiles(executables, "*.so").ToDictionary(f => "/" + Path.GetFileName(f), f => f);
        files["/" + name] = executable;
        return new ContainerImage(files, false, ["/" + name], 65532);
    }
}
