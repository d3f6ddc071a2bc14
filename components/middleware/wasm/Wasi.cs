using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Wasmtime;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>
/// What one instance of a guest reaches of the system through WASI preview 1: a clock, random numbers, and its standard output, which
/// goes to the log at debug level. No arguments, environment, files or sockets. A strict sandbox has neither a real clock nor real
/// random numbers, and sleeps take no time.
/// </summary>
/// <remarks>Wasmtime's own WASI can do none of these: catch the output, make the clock up, or end a guest that sleeps.</remarks>
internal sealed class Wasi(WasmSettings settings, ComponentContext context)
{
    private const string ModuleName = "wasi_snapshot_preview1";
    private const int LongestOutput = 16 * 1024;
    private static readonly TimeSpan MadeUpStep = TimeSpan.FromMilliseconds(1);

    private readonly StringBuilder output = new();
    private readonly Random madeUpRandom = new(42);
    private readonly long since = context.Time.GetTimestamp();
    private TimeSpan madeUpMonotonic;
    private DateTimeOffset madeUpTime = DateTimeOffset.FromUnixTimeSeconds(context.Time.GetUtcNow().ToUnixTimeSeconds());

    private enum Errno
    {
        Success = 0,
        BadDescriptor = 8,
        Invalid = 28,
        NotImplemented = 52,
        NotSeekable = 70,
    }

    private enum Clock
    {
        Realtime = 0,
        Monotonic = 1,
    }

    /// <summary>Defines those functions that the guest imports; the ones that need files and the like answer with an error.</summary>
    public static void Define(Linker linker, Wasmtime.Module guest)
    {
        var functions = new HostFunctions(linker, ModuleName);
        foreach (var import in guest.Imports.OfType<FunctionImport>().Where(i => i.ModuleName == ModuleName).DistinctBy(i => i.Name))
        {
            functions.Add(import.Name, import.Parameters, import.Results.Count == 1 ? import.Results[0] : null, Function(import.Name));
        }
    }

    /// <summary>Logs what the guest has written since.</summary>
    public void Flush()
    {
        if (output.Length > 0)
        {
            context.Logger.LogDebug("{Component}: {Output}", context.LogName, output.ToString().TrimEnd());
            output.Clear();
        }
    }

    private static HostFunction Function(string name)
        => name switch
        {
            "args_sizes_get" or "environ_sizes_get" => static (guest, a) => None(guest, a[0].AsInt32(), a[1].AsInt32()),
            "args_get" or "environ_get" or "sched_yield" => static (_, _) => (int)Errno.Success,
            "clock_res_get" => static (guest, a) => ClockResolution(guest, a[1].AsInt32()),
            "clock_time_get" => static (guest, a) => guest.Wasi.ClockTime(guest, (Clock)a[0].AsInt32(), a[2].AsInt32()),
            "random_get" => static (guest, a) => guest.Wasi.FillRandom(guest.At(a[0].AsInt32(), a[1].AsInt32())),
            "proc_exit" => static (_, a) => throw new GuestExitException(a[0].AsInt32()),
            "poll_oneoff" => static (guest, a) => guest.Wasi.Poll(guest, a[0].AsInt32(), a[1].AsInt32(), a[2].AsInt32(), a[3].AsInt32()),
            "fd_write" => static (guest, a) => guest.Wasi.Write(guest, a[0].AsInt32(), a[1].AsInt32(), a[2].AsInt32(), a[3].AsInt32()),
            "fd_read" => static (guest, a) => ReadNothing(guest, a[0].AsInt32(), a[3].AsInt32()),
            "fd_fdstat_get" => static (guest, a) => Describe(guest, a[0].AsInt32(), a[1].AsInt32()),
            "fd_fdstat_set_flags" or "fd_close" => static (_, a) => (int)(IsStandard(a[0].AsInt32()) ? Errno.Success : Errno.BadDescriptor),
            "fd_seek" or "fd_tell" => static (_, a) => (int)(IsStandard(a[0].AsInt32()) ? Errno.NotSeekable : Errno.BadDescriptor),
            _ when name.StartsWith("fd_", StringComparison.Ordinal) || name.StartsWith("path_", StringComparison.Ordinal)
                => static (_, _) => (int)Errno.BadDescriptor,
            _ => static (_, _) => (int)Errno.NotImplemented,
        };

    private static bool IsStandard(int descriptor) => descriptor is >= 0 and <= 2;

    private static int None(GuestInstance guest, int count, int size)
    {
        guest.WriteUInt32(count, 0);
        guest.WriteUInt32(size, 0);
        return (int)Errno.Success;
    }

    private static int ClockResolution(GuestInstance guest, int target)
    {
        guest.WriteUInt64(target, 1_000);
        return (int)Errno.Success;
    }

    private static int ReadNothing(GuestInstance guest, int descriptor, int count)
    {
        if (descriptor != 0)
        {
            return (int)Errno.BadDescriptor;
        }

        guest.WriteUInt32(count, 0);
        return (int)Errno.Success;
    }

    // A character device without rights to anything.
    private static int Describe(GuestInstance guest, int descriptor, int target)
    {
        if (!IsStandard(descriptor))
        {
            return (int)Errno.BadDescriptor;
        }

        var bytes = guest.At(target, 24);
        bytes.Clear();
        bytes[0] = 2;
        return (int)Errno.Success;
    }

    private int Write(GuestInstance guest, int descriptor, int vectors, int vectorCount, int written)
    {
        if (descriptor is not (1 or 2))
        {
            return (int)Errno.BadDescriptor;
        }

        // The list has to lie in the guest's memory, which bounds it.
        guest.At(vectors, checked(vectorCount * 8));
        var total = 0u;
        for (var i = 0; i < vectorCount; i++)
        {
            var part = guest.At((int)guest.ReadUInt32(vectors + (i * 8)), (int)guest.ReadUInt32(vectors + (i * 8) + 4));
            total += (uint)part.Length;
            if (output.Length < LongestOutput && context.Logger.IsEnabled(LogLevel.Debug))
            {
                output.Append(Encoding.UTF8.GetString(part[..Math.Min(part.Length, LongestOutput)]));
            }
        }

        guest.WriteUInt32(written, total);
        return (int)Errno.Success;
    }

    private int FillRandom(Span<byte> target)
    {
        if (settings.StrictSandbox)
        {
            madeUpRandom.NextBytes(target);
        }
        else
        {
            RandomNumberGenerator.Fill(target);
        }

        return (int)Errno.Success;
    }

    private int ClockTime(GuestInstance guest, Clock clock, int target)
    {
        if (clock is not (Clock.Realtime or Clock.Monotonic))
        {
            return (int)Errno.Invalid;
        }

        guest.WriteUInt64(target, Now(clock));
        return (int)Errno.Success;
    }

    private ulong Now(Clock clock)
    {
        if (!settings.StrictSandbox)
        {
            return clock == Clock.Realtime ? Nanoseconds(context.Time.GetUtcNow() - DateTimeOffset.UnixEpoch) : Nanoseconds(context.Time.GetElapsedTime(since));
        }

        return clock == Clock.Realtime
            ? Nanoseconds((madeUpTime += MadeUpStep) - DateTimeOffset.UnixEpoch)
            : Nanoseconds(madeUpMonotonic += MadeUpStep);
    }

    private static ulong Nanoseconds(TimeSpan span) => (ulong)span.Ticks * 100;

    // Sleeping, which is all there is to wait for: until the first of the given times, or as long as a guest may run, after which it is
    // stopped.
    private int Poll(GuestInstance guest, int subscriptions, int events, int count, int eventCount)
    {
        if (count <= 0)
        {
            return (int)Errno.Invalid;
        }

        guest.At(subscriptions, checked(count * 48));
        var (first, wait) = (-1, TimeSpan.MaxValue);
        for (var i = 0; i < count; i++)
        {
            if (Wait(guest.At(subscriptions + (i * 48), 48)) is { } own && own < wait)
            {
                (first, wait) = (i, own);
            }
        }

        if (first < 0)
        {
            return (int)Errno.NotImplemented;
        }

        if (wait > TimeSpan.Zero && !settings.StrictSandbox)
        {
            Thread.Sleep(wait < settings.Timeout * 2 ? wait : settings.Timeout * 2);
        }

        var done = guest.At(events, 32);
        done.Clear();
        guest.At(subscriptions + (first * 48), 8).CopyTo(done);
        guest.WriteUInt32(eventCount, 1);
        return (int)Errno.Success;
    }

    private TimeSpan? Wait(ReadOnlySpan<byte> subscription)
    {
        if (subscription[8] != 0)
        {
            return null;
        }

        var nanoseconds = BitConverter.ToUInt64(subscription[24..]);
        var isAbsolute = (subscription[40] & 1) != 0;
        if (isAbsolute)
        {
            var now = Now((Clock)BitConverter.ToInt32(subscription[16..]));
            nanoseconds = nanoseconds > now ? nanoseconds - now : 0;
        }

        return TimeSpan.FromTicks((long)Math.Min(nanoseconds / 100, (ulong)TimeSpan.FromDays(1).Ticks));
    }
}
