using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace DaprK8s.Components.NameResolution.Local;

/// <summary>
/// Tells one process from every other that has or had its id: by the time it was started, and by where ids and addresses
/// are counted (boot, process namespace, network namespace), since containers may share a directory and nothing else.
/// </summary>
internal static class ProcessIdentity
{
    /// <summary>Where this process's id and addresses mean something; equal for processes that can call each other by them.</summary>
    public static string Scope { get; } = OperatingSystem.IsLinux()
        ? $"{ReadLine("/proc/sys/kernel/random/boot_id")} {NamespaceOf("pid")} {NamespaceOf("net")}"
        : Environment.MachineName;

    /// <summary>A number that two processes of one id do not share, or <see langword="null"/> when no such process runs.</summary>
    public static long? StartOf(int processId) => OperatingSystem.IsLinux() ? StartFromProc(processId) : StartFromRuntime(processId);

    /// <summary>Whether an entry was written before the machine was started last.</summary>
    public static bool IsOfEarlierBoot(string scope)
        => OperatingSystem.IsLinux() && scope.Split(' ')[0] is var boot && boot.Length > 0 && boot != Scope.Split(' ')[0];

    private static long? StartFromProc(int processId)
    {
        try
        {
            // The command's name, in brackets, may hold anything; the state follows it, the start is the 20th field from there.
            var stat = File.ReadAllText($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields.Length > 19 && fields[0] is not ("Z" or "X") && long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
                ? start
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long? StartFromRuntime(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return process.StartTime.ToUniversalTime().Ticks;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    private static string ReadLine(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string NamespaceOf(string kind)
    {
        try
        {
            return new FileInfo($"/proc/self/ns/{kind}").LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
