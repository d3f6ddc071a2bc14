using System.Collections.Concurrent;
using DaprK8s.Chart.Tests.Rendering;

namespace DaprK8s.Chart.Tests.Values;

/// <summary>Every value does something, or is documented to do nothing.</summary>
public sealed class ValueEffectTests
{
    // A sub-chart sees its own values and the global ones only: one of each sub-chart can be changed at the same time.
    private static readonly Lazy<HashSet<ValueChange>> EffectsOnSubCharts = new(() =>
    {
        var bySubChart = ValueChange.All.Where(c => c.Mark is null && c.IsOfSubChart).GroupBy(c => c.Chart).Select(g => g.OrderBy(c => c.Needs.Count).ToArray()).ToArray();
        return
        [
            .. Enumerable.Range(0, bySubChart.Max(c => c.Length))
                .Select(round => bySubChart.Where(c => c.Length > round).Select(c => c[round]).ToArray())
                .SelectMany(round =>
                {
                    var before = Render(round.SelectMany(c => c.Needs));
                    var after = Render(round.SelectMany(c => c.Needs.Append(c.Setting)));
                    return round.Where(c => before.TextOf(c.Chart) != after.TextOf(c.Chart));
                }),
        ];
    });

    public static TheoryData<string> Groups => [.. ChartValues.All.Keys.Select(k => k[..k.IndexOf('.')]).Distinct()];

    [Theory]
    [MemberData(nameof(Groups))]
    public async Task Every_value_has_an_effect_unless_the_documentation_says_that_it_has_none(string group)
    {
        var documentation = Repository.Read("docs/kubernetes.md");
        var wrong = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(ValueChange.All.Where(c => c.Path.StartsWith(group + ".", StringComparison.Ordinal)), (change, _) =>
        {
            var useless = documentation.Contains($"`{NameOf(change.Path)}`: no effect", StringComparison.Ordinal);
            if (HasEffect(change) == useless)
            {
                wrong.Add($"{change.Setting} {(useless ? "has an effect, although the documentation denies it" : "has no effect")}");
            }

            return ValueTask.CompletedTask;
        });

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("global.daprControlPlaneArch=\"arm64\"")]
    [InlineData("global.mtls.sentryAddress=\"sentry.example:443\"")]
    [InlineData("dapr_scheduler.overrideBroadcastHostPort=\"host:1\"")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsUser=5")]
    [InlineData("dapr_sidecar_injector.sidecarRunAsGroup=5")]
    public void So_has_every_value_without_a_default(string value) => Assert.NotEqual(Render([]).Text, Render([value]).Text);

    // A number that nothing else writes shows its value among all those with the same needs, a switch its own in the files of its
    // sub-chart; the rest is rendered by itself.
    private static bool HasEffect(ValueChange change)
        => (change.Mark is { } mark && Render([.. change.Needs, .. MarkedBeside(change)]).Text.Contains(mark, StringComparison.Ordinal))
            || EffectsOnSubCharts.Value.Contains(change)
            || Render(change.Needs).Text != Render([.. change.Needs, change.Setting]).Text;

    private static IEnumerable<string> MarkedBeside(ValueChange change)
        => ValueChange.All.Where(c => c.Mark is not null && c.Needs.SequenceEqual(change.Needs)).Select(c => c.Setting);

    // Of a key that several services have, the documentation names the last part only.
    private static string NameOf(string path) => path.EndsWith("nameOverride", StringComparison.OrdinalIgnoreCase) ? path[(path.LastIndexOf('.') + 1)..] : path;

    private static Rendered Render(IEnumerable<string> values)
        => Helm.Template([.. new[] { "global.actors.available=true", "global.scheduler.available=true" }.Concat(values).SelectMany(v => new[] { "--set-json", v })]);
}
