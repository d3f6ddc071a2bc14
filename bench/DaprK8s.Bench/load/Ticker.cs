using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DaprK8s.Bench.Load;

/// <summary>Nanoseconds of the monotonic clock, and a wait for one of them that is exact to some ten microseconds.</summary>
internal static partial class Ticker
{
    private const int MonotonicClock = 1;
    private const int AbsoluteTime = 1;
    private const int SetTimerSlack = 29;

    public static long Now => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public static long Nanoseconds(TimeSpan time) => time.Ticks * TimeSpan.NanosecondsPerTick;

    /// <summary>Lets the kernel wake the calling thread without the 50 microseconds that it may otherwise add.</summary>
    public static void SharpenThread() => _ = ProcessControl(SetTimerSlack, 1, 0, 0, 0);

    /// <summary>Blocks the calling thread until a moment of <see cref="Now"/>.</summary>
    public static void SleepUntil(long moment)
    {
        while (Now < moment)
        {
            var at = new Timespec { Seconds = (nint)(moment / 1_000_000_000), Nanoseconds = (nint)(moment % 1_000_000_000) };
            _ = ClockNanosleep(MonotonicClock, AbsoluteTime, in at, IntPtr.Zero); // Interrupted: looked at again.
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
    private static partial int ClockNanosleep(int clock, int flags, in Timespec request, IntPtr remaining);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int ProcessControl(int option, nuint a, nuint b, nuint c, nuint d);
}
