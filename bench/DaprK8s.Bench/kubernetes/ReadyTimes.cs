using System.Diagnostics;
using DaprK8s.Common.Identity;

namespace DaprK8s.Bench.Kubernetes;

/// <summary>How long a service takes to get ready, over several starts: the key that it makes for its certificate takes a different time each time.</summary>
internal sealed class ReadyTimes(IReadOnlyList<TimeSpan> sorted)
{
    /// <summary>Starts and stops it, once to warm the page cache and then as often as it counts.</summary>
    public static async Task<ReadyTimes> MeasureAsync(Settings settings, ControlPlaneUnderTest plane, Func<Task<RunningService>> start)
    {
        var times = new List<TimeSpan>();
        for (var run = 0; run <= Runs(settings); run++)
        {
            var service = await start();
            times.Add(service.ReadyAfter);
            await plane.StopAsync(service);
        }

        return new ReadyTimes([.. times.Skip(1).Order()]);
    }

    /// <summary>How long the key alone takes that the contract demands, made as the services make it, here and now.</summary>
    public static async Task<ReadyTimes> OfKeyAsync(Settings settings)
    {
        var times = new List<TimeSpan>();
        for (var run = 0; run < Runs(settings); run++)
        {
            var clock = Stopwatch.StartNew();
            using var key = await SvidKeys.Begin(SvidKey.Rsa2048).NextAsync();
            times.Add(clock.Elapsed);
        }

        return new ReadyTimes([.. times.Order()]);
    }

    /// <summary>A row of a table.</summary>
    public string[] Row(string what, string aim = "150 ms")
        => [$"{what}, median of {sorted.Count} (fastest, slowest)", $"{Cell.Ms(Median)} ({Cell.Ms(sorted[0])}, {Cell.Ms(sorted[^1])})", aim];

    private static int Runs(Settings settings) => settings.Quick ? 3 : 15;

    private TimeSpan Median => (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
