namespace DaprK8s.TestServers;

/// <summary>Where the <c>helm</c> and <c>kubectl</c> are that <c>tests/install-kubectl.sh</c> fetches.</summary>
public static class KubernetesTools
{
    private const string Folder = "kubectl-v34-2.2.2";

    /// <summary>The path of <c>helm</c>, or what the variable <c>HELM</c> says.</summary>
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static string Helm => Find("helm", "HELM");

    /// <summary>The path of <c>kubectl</c>, or what the variable <c>KUBECTL</c> says.</summary>
    /// <exception cref="InvalidOperationException">It is not there.</exception>
    public static string Kubectl => Find("kubectl", "KUBECTL");

    private static string Find(string name, string variable)
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var path = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } other ? other : Path.Combine(cache, "daprk8s", Folder, name);
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is not there: run tests/install-kubectl.sh, or set {variable}");
    }
}
