using System.Globalization;

namespace DaprK8s.Bench.Processes;

/// <summary>Memory of a process, in bytes, as the kernel counts it.</summary>
/// <param name="Resident">Pages in memory, shared ones included (VmRSS).</param>
/// <param name="Peak">The most that was ever resident (VmHWM).</param>
/// <param name="Proportional">Pages in memory, shared ones divided by their users (PSS).</param>
internal sealed record Memory(long Resident, long Peak, long Proportional);

/// <summary>What /proc tells of a process.</summary>
internal static class ProcessFigures
{
    // Fixed for user space on every architecture of Linux (USER_HZ).
    private const double TicksPerSecond = 100;

    /// <summary>Processor time used so far, all threads, user and system.</summary>
    public static TimeSpan CpuTime(int process)
    {
        // "pid (name) state ppid ...": the name may hold anything, so count from its closing bracket: utime is field 14, stime 15.
        var stat = File.ReadAllText($"/proc/{process}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
    }

    public static Memory MemoryOf(int process) => new(
        Kilobytes($"/proc/{process}/status", "VmRSS:"),
        Kilobytes($"/proc/{process}/status", "VmHWM:"),
        Kilobytes($"/proc/{process}/smaps_rollup", "Pss:"));

    private static long Kilobytes(string file, string name)
    {
        var line = File.ReadLines(file).First(l => l.StartsWith(name, StringComparison.Ordinal));
        return 1024 * (long)Number(line[name.Length..].Replace("kB", "", StringComparison.Ordinal));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
