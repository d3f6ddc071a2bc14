using CsCheck;
using DaprK8s.Sidecar.Api.Http;

namespace DaprK8s.Sidecar.Tests.Invocation;

public sealed class ApiRouterTests
{
    private static readonly ApiRouter Router = new(
    [
        Route("GET", "v1.0", "state/{store}/{key}", "get"),
        Route("POST PUT", "v1.0", "state/{store}", "save"),
        Route("POST PUT", "v1.0", "state/{store}/bulk", "bulk"),
        Route("GET", "v1.0", "metadata", "metadata"),
        Route("PUT", "v1.0", "metadata/{key}", "set-metadata"),
        Route("POST", "v1.0", "publish/{pubsub}/{topic...}", "publish"),
        Route("*", "v1.0-alpha1", "any/{a}/{b}/{c}", "any"),
    ]);

    [Theory]
    [InlineData("GET", "/v1.0/state/s/k", "get", "s", "k")]
    [InlineData("GET", "/v1.0/state/s/bulk", "get", "s", "bulk")]
    [InlineData("POST", "/v1.0/state/s/bulk", "bulk", "s", "")]
    [InlineData("PUT", "/v1.0/state/s", "save", "s", "")]
    [InlineData("GET", "/v1.0/metadata", "metadata", "", "")]
    [InlineData("GET", "/v1.0/state/s/a%2Fb", "get", "s", "a/b")]
    [InlineData("GET", "/v1.0/state/s+t/a%20b", "get", "s t", "a b")]
    [InlineData("GET", "/v1.0/state/s/%C3%A9", "get", "s", "é")]
    [InlineData("POST", "/v1.0/publish/p/a/b/c", "publish", "p", "a/b/c")]
    [InlineData("POST", "/v1.0/publish/p/a%2Fb+c", "publish", "p", "a/b c")]
    [InlineData("BREW", "/v1.0-alpha1/any/1/2/3", "any", "1", "2")]
    public void A_route_is_found_with_its_parameters(string verb, string path, string name, string first, string second)
    {
        Assert.True(Router.TryMatch(verb, path, out var values));
        Assert.Equal((name, first, second), (values.Route.Name, values[0], values[1]));
    }

    [Theory]
    [InlineData("DELETE", "/v1.0/state/s/k")]
    [InlineData("GET", "/v1.0/state/s/k/x")]
    [InlineData("GET", "/v1.0/state")]
    [InlineData("GET", "/v1.0/State/s/k")]
    [InlineData("GET", "/v1.1/state/s/k")]
    [InlineData("get", "/v1.0/metadata")]
    [InlineData("GET", "/v1.0/metadata/x")]
    [InlineData("POST", "/v1.0/publish/p")]
    [InlineData("GET", "/v1.0")]
    [InlineData("GET", "/")]
    [InlineData("GET", "/v1.0/%73tate/s/k")]
    public void Other_requests_have_no_route(string verb, string path) => Assert.False(Router.TryMatch(verb, path, out _));

    [Theory]
    [InlineData("/v1.0/state/s/%", "key")]
    [InlineData("/v1.0/state/%2/k", "store")]
    [InlineData("/v1.0/state/s/a%zz", "key")]
    public void A_bad_escape_is_told_with_the_name_of_its_parameter(string path, string parameter)
    {
        var e = Assert.Throws<BadPathParameterException>(() => Router.TryMatch("GET", path, out _));

        Assert.StartsWith($"failed to unescape request parameter \"{parameter}\". Error: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whether_another_verb_would_do_is_known()
    {
        Assert.True(Router.MatchesOtherMethod("/v1.0/state/s/k"));
        Assert.False(Router.MatchesOtherMethod("/v1.0/nothing"));
    }

    [Fact]
    public void Every_path_matches_or_does_not_and_a_parameter_is_what_was_escaped()
    {
        Gen.String[Gen.Char["/v1.0state%2Fab"], 0, 30].Sample(path =>
        {
            try
            {
                Router.TryMatch("GET", RequestPath.Clean(path), out _);
            }
            catch (BadPathParameterException)
            {
            }
        });
        Gen.String[Gen.Char.AlphaNumeric, 1, 8].Array[2].Select(p => (Store: p[0] + "/ +é", Key: p[1] + "%..//")).Sample(p =>
        {
            var path = RequestPath.Clean($"/v1.0/state/{Uri.EscapeDataString(p.Store)}/{Uri.EscapeDataString(p.Key)}");
            return Router.TryMatch("GET", path, out var values) && values[0] == p.Store && values[1] == p.Key;
        });
    }

    private static ApiRoute Route(string methods, string version, string template, string name) => new(methods, version, template, name, "group", (_, _) => default);
}
