using DaprK8s.Injector.Pods;

namespace DaprK8s.Injector.Sidecar;

/// <summary>Volume mounts in one text, <c>volume:path,volume:path</c> (contract: k8s 3.8).</summary>
internal static class MountList
{
    /// <summary>Reads the mounts; what has not exactly one colon is passed over.</summary>
    public static IEnumerable<PodMount> Read(string text, bool isReadOnly)
        => text.Split(',', StringSplitOptions.TrimEntries)
            .Select(entry => entry.Split(':'))
            .Where(parts => parts is [{ Length: > 0 }, { Length: > 0 }])
            .Select(parts => new PodMount(parts[0].Trim(), parts[1].Trim(), isReadOnly));
}
