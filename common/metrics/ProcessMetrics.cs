using System.Diagnostics;
using DaprK8s.Common.Metrics;

namespace DaprK8s.Common.Metrics;

/// <summary>The <c>process_*</c> series of every Prometheus client, read when they are asked for.</summary>
public static class ProcessMetrics
{
    /// <summary>Adds them to a registry.</summary>
    public static void Register(MetricsRegistry registry)
    {
        var cpu = registry.Gauge("process_cpu_seconds_total", "CPU time of the process in seconds.");
        var resident = registry.Gauge("process_resident_memory_bytes", "Resident memory in bytes.");
        var virtualBytes = registry.Gauge("process_virtual_memory_bytes", "Virtual memory in bytes.");
        var threads = registry.Gauge("process_threads", "Threads.");
        var start = registry.Gauge("process_start_time_seconds", "Start of the process, Unix time in seconds.");
        registry.BeforeCollect(() =>
        {
            using var process = Process.GetCurrentProcess();
            cpu.Set(default, process.TotalProcessorTime.TotalSeconds);
            resident.Set(default, process.WorkingSet64);
            virtualBytes.Set(default, process.VirtualMemorySize64);
            threads.Set(default, process.Threads.Count);
            start.Set(default, new DateTimeOffset(process.StartTime.ToUniversalTime()).ToUnixTimeMilliseconds() / 1000.0);
        });
    }
}
