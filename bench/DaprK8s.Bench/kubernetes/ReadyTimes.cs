namespace DaprK8s.Bench.Kubernetes;

/// <summary>How long a service takes to get ready, over several starts: the key that it makes for its certificate takes a different time each time.</summary>
internal sealed class ReadyTimes(IReadOnlyList<TimeSpan> sorted)
{
    /// <summary>Starts and stops it, once to warm the page cache and then as often as it counts.</summary>
    public static async Task<ReadyTimes> MeasureAsync(Settings settings, ControlPlaneUnderTest plane, Func<Task<RunningService>> start)
    {
        var times = new List<TimeSpan>();
        for (var run = 0; run <= (settings.Quick ? 3 : 15); run++)
        {
            var service = await start();
            times.Add(service.ReadyAfter);
            await plane.StopAsync(service);
        }

        return new ReadyTimes([.. times.Skip(1).Order()]);
    }

    /// <summary>A row of a table.</summary>
    public string[] Row(string what)
        => [$"{what}, median of {sorted.Count} (fastest, slowest)", $"{Cell.Ms(Median)} ({Cell.Ms(sorted[0])}, {Cell.Ms(sorted[^1])})", "150 ms"];

    private TimeSpan Median => (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
