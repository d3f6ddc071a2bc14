using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class RouterCheckerMiddlewareTests
{
    [Theory]
    [InlineData("/v1.0/invoke/a/method/b", true)]
    [InlineData("/v1.0/invoke/a/method/b?q=1", true)]
    [InlineData("/v1.0/state/a", false)]
    [InlineData("/v1.0/invoke/a/method/../../../state/a", false)]
    [InlineData("/v1.0/invoke/a/method/%2e%2e/%2e%2e/%2e%2e/state/a", false)]
    [InlineData("/v1.0/invoke/a/method/..%2f..%2f..%2fstate/a", false)]
    [InlineData("/v1.0/invoke/a/method/%252e%252e/%252e%252e/%252e%252e/state/a", false)]
    [InlineData("//v1.0/invoke/a/method/b", false)]
    [InlineData("/v1.0/invoke/a/method/%20b", true)]
    public async Task Only_what_matches_passes_however_it_is_written(string target, bool passes)
    {
        await using var middleware = await Passage.MakeAsync("routerchecker", ("rule", "^/v1.0/invoke/"));

        var passage = await Passage.ThroughAsync(middleware, target);

        Assert.Equal(passes, passage.Passed);
        Assert.Equal(passes ? 200 : 400, passage.Status);
        Assert.Equal(passes ? "" : "invalid router", passage.Answer);
    }

    [Fact]
    public async Task The_path_that_an_earlier_handler_has_set_is_the_one_that_counts()
    {
        await using var alias = await Passage.MakeAsync("routeralias", ("routes", """{"/good":"/bad"}"""));
        await using var checker = await Passage.MakeAsync("routerchecker", ("rule", "^/good"));

        var passage = await Passage.ThroughAsync(alias, "/good", app: context => checker.InvokeAsync(context, _ => Task.CompletedTask));

        Assert.Equal(400, passage.Status);
    }

    [Fact]
    public async Task An_expression_that_could_run_away_answers_at_once()
    {
        await using var middleware = await Passage.MakeAsync("routerchecker", ("rule", "^/(a+)+$"));

        Assert.Equal(400, (await Passage.ThroughAsync(middleware, "/" + new string('a', 5000) + "!")).Status);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("(a)\\1")]
    public async Task What_is_no_expression_or_needs_backtracking_is_refused(string rule)
        => Assert.Contains(
            "failed to compile rule regexp",
            (await Assert.ThrowsAsync<ComponentMetadataException>(() => Passage.MakeAsync("routerchecker", ("rule", rule)))).Message,
            StringComparison.Ordinal);
}
