using DaprK8s.Common.Text.Cel;

namespace DaprK8s.Kubernetes.Tests.Resources;

public sealed class CelSyntaxTests
{
    [Theory]
    [InlineData("event.type == \"widget\"")]
    [InlineData("event.type == 'a' && (event.data.total > 100.5 || !has(event.subject))")]
    [InlineData("event.data.items.exists(i, i.price >= 1e3) ? true : false")]
    [InlineData("event[\"x\"].startsWith(r'a\\d') && size(event.data) in [1, 2u, 0x1F]")]
    [InlineData("{\"a\": 1, \"b\": [1, 2,]}.a == -1 // comment")]
    [InlineData("consecutiveFailures > 5")]
    [InlineData("int(event.data.n) % 2 == 0 && b'x' != b'y'")]
    [InlineData("'''several\nlines''' == event.data")]
    [InlineData("!!true && --1 == 1")]
    public void An_expression_is_one(string expression) => Assert.Null(CelSyntax.Check(expression).Error);

    [Theory]
    [InlineData("event.type = 'a'", "position 12; equality is ==")]
    [InlineData("a & b", "'and' is &&")]
    [InlineData("event.type ==", "ends where a value should be")]
    [InlineData("event.type == \"widget", "does not end")]
    [InlineData("(a || b", "where \")\" should be")]
    [InlineData("a b", "unexpected \"b\" at position 3")]
    [InlineData("event.", "ends where a value should be")]
    [InlineData("a ? b", "\":\"")]
    [InlineData("1a", "runs into")]
    [InlineData("while > 1", "reserved word")]
    [InlineData("event.type == #", "unexpected character '#'")]
    [InlineData("[1, 2", "\"]\"")]
    public void What_is_wrong_is_told_with_its_place(string expression, string part)
        => Assert.Contains(part, CelSyntax.Check(expression).Error);

    [Theory]
    [InlineData("event.type == other.x && f(third)", "event other third")]
    [InlineData("event.items.all(i, i.x > 1) && i", "event i")]
    [InlineData("event.items.map(i, i * 2).exists(j, j == k)", "event k")]
    public void Variables_are_found_but_for_those_that_it_binds(string expression, string variables)
        => Assert.Equal(variables.Split(' ').Order(), CelSyntax.Check(expression).Variables.Order());

    [Theory]
    [InlineData('(')]
    [InlineData('[')]
    [InlineData('!')]
    public void Depth_is_bounded(char c) => Assert.NotNull(CelSyntax.Check(new string(c, 100_000)).Error);
}
