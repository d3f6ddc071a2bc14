using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Tests.Middleware;

public sealed class RouterAliasMiddlewareTests
{
    private static readonly (string, string)[] Old =
    [
        ("/v1.0/mall/activity/info", "/v1.0/invoke/srv.default/method/mall/activity/info"),
        ("/v1.0/hello/activity/{id}/info", "/v1.0/invoke/srv.default/method/hello/activity/info"),
        ("/files/{name:[a-z]{1,3}\\.txt}", "/txt"),
        ("/url", "/v1.0/invoke/http%3A%2F%2Fhost/method/a%20b?fixed=1"),
    ];

    public static TheoryData<string, string> Forms => new()
    {
        { "json", """{"/v1.0/mall/activity/info":"/v1.0/invoke/srv.default/method/mall/activity/info","/v1.0/hello/activity/{id}/info":"/v1.0/invoke/srv.default/method/hello/activity/info","/files/{name:[a-z]{1,3}\\.txt}":"/txt","/url":"/v1.0/invoke/http%3A%2F%2Fhost/method/a%20b?fixed=1"}""" },
        { "yaml", "\"/v1.0/mall/activity/info\": /v1.0/invoke/srv.default/method/mall/activity/info\n'/v1.0/hello/activity/{id}/info': /v1.0/invoke/srv.default/method/hello/activity/info\n'/files/{name:[a-z]{1,3}\\.txt}': /txt\n/url: /v1.0/invoke/http%3A%2F%2Fhost/method/a%20b?fixed=1\n" },
        { "old", "" },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Aliases_are_replaced_and_all_else_passes(string form, string routes)
    {
        await using var middleware = await Passage.MakeAsync("routeralias", form == "old" ? Old : [("routes", routes)]);

        Assert.Equal("/v1.0/invoke/srv.default/method/mall/activity/info?id=123", await SendAsync("/v1.0/mall/activity/info?id=123"));
        Assert.Equal("/v1.0/invoke/srv.default/method/hello/activity/info?id=1", await SendAsync("/v1.0/hello/activity/1/info"));
        Assert.Equal("/v1.0/invoke/srv.default/method/hello/activity/info?a=%26&id=x%20y&user=7", await SendAsync("/v1.0/hello/activity/x%20y/info?user=7&a=%26"));
        Assert.Equal("/txt?name=abc.txt", await SendAsync("/files/abc.txt"));
        Assert.Equal("/files/abcd.txt", await SendAsync("/files/abcd.txt"));
        Assert.Equal("/v1.0/invoke/http:%2F%2Fhost/method/a%20b?fixed=1", await SendAsync("/url"));
        Assert.Equal("/v1.0/hello/activity/1/2/info?q=1", await SendAsync("/v1.0/hello/activity/1/2/info?q=1"));
        Assert.Equal("/v1.0/invoke/srv.default", await SendAsync("/v1.0/invoke/srv.default"));

        async Task<string> SendAsync(string target)
        {
            var passage = await Passage.ThroughAsync(middleware, target);
            Assert.True(passage.Passed);
            return passage.Target;
        }
    }

    [Theory]
    [InlineData("routes", "[1, 2]", "failed to decode 'routes' property as JSON or YAML: ")]
    [InlineData("routes", "{\"a\": ", "failed to decode 'routes' property as JSON or YAML: ")]
    [InlineData("/a", "", "invalid key/value pair in metadata: must not be empty")]
    [InlineData("routes", "{\"\": \"/b\"}", "invalid key/value pair in metadata: must not be empty")]
    [InlineData("routes", "{\"/a/{b\": \"/b\"}", "invalid path pattern '/a/{b'")]
    [InlineData("routes", "{\"/a/{b:(}\": \"/b\"}", "invalid path pattern '/a/{b:(}'")]
    public async Task What_is_no_table_of_routes_is_refused(string name, string value, string text)
        => Assert.Contains(
            text, (await Assert.ThrowsAsync<ComponentMetadataException>(() => Passage.MakeAsync("routeralias", (name, value)))).Message, StringComparison.Ordinal);
}
