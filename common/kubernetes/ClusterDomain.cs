namespace DaprK8s.Common.Kubernetes;

/// <summary>The DNS domain of the cluster, as the resolver's search list tells it.</summary>
public static class ClusterDomain
{
    private const string ResolverFile = "/etc/resolv.conf";
    private const string ServiceLabel = "svc.";

    /// <summary>Finds it, or answers <see langword="null"/> outside a cluster.</summary>
    public static string? Find()
    {
        try
        {
            return Find(File.ReadAllText(ResolverFile));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Finds it in the text of a resolver's configuration: the search entry <c>svc.&lt;domain&gt;</c>.</summary>
    public static string? Find(string resolver)
        => resolver.Split('\n')
            .Select(l => l.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w is ["search", ..])
            .SelectMany(w => w.Skip(1))
            .Select(d => d.TrimEnd('.'))
            .FirstOrDefault(d => d.StartsWith(ServiceLabel, StringComparison.Ordinal) && d.Length > ServiceLabel.Length)?[ServiceLabel.Length..];
}
