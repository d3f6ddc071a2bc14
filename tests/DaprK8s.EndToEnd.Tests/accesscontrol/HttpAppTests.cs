using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;

namespace DaprK8s.EndToEnd.Tests.AccessControl;

/// <summary>An HTTP app twice: behind a list that lets the caller call <c>/public</c>, and without a list.</summary>
public sealed class HttpAppPair : IAsyncLifetime
{
    internal HttpApp App { get; private set; } = null!;

    internal GuardedApp Guarded { get; private set; } = null!;

    internal HttpApp OpenApp { get; private set; } = null!;

    internal GuardedApp Open { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        App = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Target)));
        OpenApp = await HttpApp.StartAsync(a => a.On("*", r => Reply.Of(200, r.Target)));
        var guarded = GuardedApp.StartAsync(App, """
            defaultAction: deny
            trustDomain: public
            policies:
            - appId: CALLER
              defaultAction: deny
              trustDomain: public
              namespace: default
              operations:
              - name: /public
                httpVerb: ['*']
                action: allow
            """);
        var open = GuardedApp.StartAsync(OpenApp, null);
        (Guarded, Open) = (await guarded, await open);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Guarded.DisposeAsync();
        await Open.DisposeAsync();
        await App.DisposeAsync();
        await OpenApp.DisposeAsync();
    }
}

/// <summary>The HTTP API's paths (contract: security 3.7).</summary>
public sealed class HttpAppTests(HttpAppPair pair) : IClassFixture<HttpAppPair>
{
    [Theory]
    [InlineData("public", 200, "/public")]
    [InlineData("admin%2F..%2Fpublic", 200, "/public")]
    [InlineData("admin%2Fsecret%2F..%2F..%2Fpublic", 200, "/public")]
    [InlineData("public///extra", 200, "/public/extra")]
    [InlineData("admin", 403)]
    [InlineData("admin?bypass", 403)]
    [InlineData("public%23../../admin", 403)]
    [InlineData("public%23%2F..%2F..%2Fsecret%2Fadmin", 403)]
    [InlineData("public%0D/../unauthorized", 403)]
    [InlineData("public%23/../../unauthorized", 403)]
    [InlineData("public%2F..%2Funauthorized", 403)]
    [InlineData("admin%25stream", 403)]
    [InlineData("admin%5C..%5Cpublic", 403)]
    [InlineData("admin%3Fignored", 500)]
    [InlineData("admin%23%3F%25bypass", 500)]
    public async Task A_path_is_judged_as_the_app_sees_it(string sent, int status, string? seen = null)
    {
        var allowed = GuardedApp.CallerIsKnown || status != 200;
        var before = pair.App.Requests.All.Count;
        using var response = await SendAsync(pair.Guarded, sent);

        Assert.Equal(allowed ? status : 403, (int)response.StatusCode);
        Assert.Equal(allowed && seen is not null ? [seen] : [], pair.App.Requests.All.Skip(before).Select(r => r.Target));
    }

    [Theory]
    [InlineData("test%23stream", 500)]
    [InlineData("test%3Fstream", 500)]
    [InlineData("test%25stream", 500)]
    [InlineData("test%0Dstream", 500)]
    [InlineData("a%23b%3Fc%25d", 500)]
    [InlineData("test%22stream", 200, "/test%22stream")]
    [InlineData("test%2Astream", 200, "/test*stream")]
    [InlineData("test%5Cstream", 200, "/test%5Cstream")]
    [InlineData("admin%2F..%2Fpublic", 200, "/public")]
    [InlineData("test?stream", 200, "/test?stream")]
    public async Task Without_a_list_a_path_reaches_the_app_or_is_no_method(string sent, int status, string? seen = null)
    {
        using var response = await SendAsync(pair.Open, sent);

        Assert.Equal(status, (int)response.StatusCode);
        if (seen is not null)
        {
            Assert.Equal(seen, await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("/admin/../public", 200, "/public")]
    [InlineData("/admin%2F..%2Fpublic", 200, "/public")]
    [InlineData("/test%23stream", 500)]
    public async Task The_same_holds_with_the_target_in_a_header(string sent, int status, string? seen = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, HttpPair.AsWritten(pair.Open.Caller, sent));
        request.Headers.Add("dapr-app-id", pair.Open.Callee.AppId);
        using var response = await pair.Open.Caller.Http.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
        if (seen is not null)
        {
            Assert.Equal(seen, await response.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_denial_is_told_once_and_counted_and_never_tried_again()
    {
        using var response = await SendAsync(pair.Guarded, "Admin/7?q=1");

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        var error = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("ERR_DIRECT_INVOKE", error.GetProperty("errorCode").GetString());
        Assert.Matches(
            $"^failed to invoke, id: {pair.Guarded.Callee.AppId}, err: .*access control policy has denied access to id: .* operation: Admin/7 verb: GET$",
            error.GetProperty("message").GetString());
        Assert.Matches("dapr_runtime_acl_(app|global)_policy_action_blocked_total{app_id=", await pair.Guarded.Callee.MetricsAsync());
    }

    [Fact]
    public async Task The_own_app_may_call_itself_whatever_the_list_says()
    {
        using var response = await pair.Guarded.Callee.Http.GetAsync($"/v1.0/invoke/{pair.Guarded.Callee.AppId}/method/own");

        Assert.Equal("/own", await response.Content.ReadAsStringAsync());
    }

    private static Task<HttpResponseMessage> SendAsync(GuardedApp app, string method)
        => app.Caller.Http.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, HttpPair.AsWritten(app.Caller, $"/v1.0/invoke/{app.Callee.AppId}/method/{method}")));
}
