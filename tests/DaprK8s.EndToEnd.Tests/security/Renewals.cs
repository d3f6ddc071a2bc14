using System.Globalization;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>How often sidecars have renewed their certificates, by their own metric.</summary>
internal static class Renewals
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    public static async Task<int> OfAsync(Daprd daprd)
    {
        var name = $"dapr_runtime_mtls_workload_cert_rotated_total{{app_id=\"{daprd.AppId}\"}} ";
        var line = (await daprd.MetricsAsync()).Split('\n').FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line[name.Length..], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until each has renewed so often since it was started.</summary>
    public static Task AtLeastAsync(int count, params Daprd[] daprds)
        => Task.WhenAll(daprds.Select(d => Eventually.TrueAsync(async () => await OfAsync(d) >= count, $"{count} renewals of {d.AppId}", Deadline)));

    /// <summary>Waits until each has renewed so often from now on.</summary>
    public static Task MoreAsync(int count, params Daprd[] daprds)
        => Task.WhenAll(daprds.Select(async d => await AtLeastAsync(await OfAsync(d) + count, d)));
}
