using CsCheck;
using DaprK8s.Injector.Sidecar;

namespace DaprK8s.Injector.Tests.Sidecar;

/// <summary>The lists of variables (contract: k8s 3.8).</summary>
public sealed class EnvironmentListTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("A=1", "A|1")]
    [InlineData("A=1,2,B=3", "A|1,2;B|3")]
    [InlineData("OTEL=service.version=1,service.name=x", "OTEL|service.version=1,service.name=x")]
    [InlineData("A=1, \tB_2=2", "A|1;B_2|2")]
    [InlineData("A=1,2B=3", "A|1,2B=3")]
    [InlineData("A=1,_=3", "A|1;_|3")]
    [InlineData("A=,B=", "A|;B|")]
    [InlineData("A=\"x\"", "A|\"x\"")]
    [InlineData("A=b=c", "A|b=c")]
    [InlineData("nothing,B=2", "B|2")]
    [InlineData("=x,B=2", "B|2")]
    [InlineData("  A=1  ", "A|1")]
    [InlineData(",,,", "")]
    public void A_comma_parts_entries_only_before_a_name_and_an_equals_sign(string text, string expected)
        => Assert.Equal(expected, string.Join(';', EnvironmentList.Read(text).Select(e => $"{e.Key}|{e.Value}")));

    [Fact]
    public void What_was_written_is_read_again_whatever_the_values_hold()
        => Gen.Select(Gen.String[Gen.Char["AZaz_"], 1, 8], Gen.String[Gen.Char["ab,.= "], 0, 12])
            .Where(e => e.Item2.Trim() == e.Item2 && EnvironmentList.Read("X=" + e.Item2).Count == 1).Array[1, 5]
            .Sample(entries => Assert.Equal(
                entries.Select(e => (e.Item1, e.Item2)),
                EnvironmentList.Read(string.Join(',', entries.Select(e => $"{e.Item1}={e.Item2}"))).Select(e => (e.Key, e.Value))));
}
