using System.Globalization;
using System.Runtime.InteropServices;

namespace DaprK8s.Bench;

/// <summary>Where the figures were taken.</summary>
internal static class Machine
{
    /// <summary>Processor, memory, system.</summary>
    public static string Describe()
    {
        var model = Find("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();
        var memory = long.Parse(Find("/proc/meminfo", "MemTotal")?.Split(' ')[0] ?? "0", CultureInfo.InvariantCulture) / 1e6;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{model}, {Environment.ProcessorCount} cores for everything (load generator, sidecars, apps, servers), {memory:0} GB, {RuntimeInformation.OSDescription}");
    }

    /// <summary>Mean number of runnable threads over the last minute.</summary>
    public static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    private static string? Find(string file, string name) => File.ReadLines(file)
        .FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
