using System.Net.Sockets;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>
/// Spellings of a denied method that an app would take for it (attack checklist 14 and 16): the app is never entered with it. Letter case
/// is not among them: names of gRPC are compared by it.
/// </summary>
public sealed class MethodSpellingTests
{
    private const string Denied = "/daprk8s.test.echo.Echo/Unary";

    [Fact]
    public async Task A_denied_method_of_a_proxied_service_is_reached_by_no_spelling_of_its_path()
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await GrpcApp.StartAsync();
        await using var callee = await sentry.Secure(Daprd.With(app: app, config: Resource.Configuration($$"""
            accessControl:
              defaultAction: allow
              trustDomain: public
              policies:
              - appId: caller
                defaultAction: allow
                trustDomain: public
                namespace: default
                operations:
                - {name: {{Denied}}, httpVerb: ['*'], action: deny}
            """))).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With("caller")).StartAsync(Until.Ready);
        string[] spellings =
        [
            Denied, "/daprk8s.test.echo.Echo//Unary", "//daprk8s.test.echo.Echo/Unary", "/daprk8s.test.echo.Echo/./Unary", "/daprk8s.test.echo.Echo/../daprk8s.test.echo.Echo/Unary", "/x/../daprk8s.test.echo.Echo/Unary",
            "/../daprk8s.test.echo.Echo/Unary", "/daprk8s.test.echo.Echo/Unary/", "/daprk8s.test.echo.Echo/Unary/.", "/daprk8s.test.echo.Echo/%55nary", "/daprk8s.test.echo%2EEcho/Unary", "/daprk8s.test.echo.Echo%2FUnary",
            "/daprk8s.test.echo.Echo/%2e/Unary", "/x/%2e%2e/daprk8s.test.echo.Echo/Unary", "/daprk8s.test.echo.Echo/%2555nary", "/daprk8s.test.echo.Echo/Unary?x", "/daprk8s.test.echo.Echo/Unary#x", "/daprk8s.test.echo.Echo/Unary%00",
            "/daprk8s.test.echo.Echo/Unary%20", "/daprk8s.test.echo.Echo/Unary;x", "/daprk8s.test.echo.Echo\\Unary", "daprk8s.test.echo.Echo/Unary",
            "http://x/daprk8s.test.echo.Echo/Unary", "/daprk8s.test.echo.Echo/ServerStream/../Unary",
        ];

        foreach (var path in spellings)
        {
            await CallAsync(caller.GrpcPort, path, callee.AppId);
        }

        await CallAsync(caller.GrpcPort, "/daprk8s.test.echo.Echo/ServerStream", callee.AppId);

        // The last one shows that the frames are well formed, and that the others came to nothing and not too late.
        await app.Calls.WaitForAsync(1, c => c.Method.EndsWith("/ServerStream", StringComparison.Ordinal));
        Assert.DoesNotContain(app.Calls.All, c => c.Method.EndsWith("nary", StringComparison.Ordinal));
        Assert.False(caller.HasExited || callee.HasExited);
    }

    [Theory]
    [InlineData("defaultAction: allow", "{name: /admin, httpVerb: ['*'], action: deny}", "%2561dmin", "x%252F..%252Fadmin", "admin%252F", "%252e/admin", "x/%252e%252E/admin", "x%25%32%46..%25%32%46admin")]
    [InlineData("defaultAction: deny", "{name: /public/*, httpVerb: ['*'], action: allow}", "public/%252e%252e/admin", "public/.%252e/admin", "public/x%252F..%252F..%252Fadmin")]
    public async Task An_escaped_method_of_an_http_app_is_judged_as_the_app_reads_it(string byDefault, string rule, params string[] spellings)
    {
        await using var sentry = await TestSentry.StartAsync();
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "entered")).On("GET /dapr/subscribe", Reply.Json("[]")));
        await using var callee = await sentry.Secure(Daprd.With(app: app, config: Resource.Configuration($$"""
            accessControl:
              {{byDefault}}
              trustDomain: public
              policies:
              - appId: caller
                {{byDefault}}
                trustDomain: public
                namespace: default
                operations:
                - {{rule}}
            """))).StartAsync(Until.Ready);
        await using var caller = await sentry.Secure(Daprd.With("caller")).StartAsync(Until.Ready);

        foreach (var spelling in spellings)
        {
            var (status, answer) = await Raw.GetAsync(caller.HttpPort, $"/v1.0/invoke/{callee.AppId}/method/{spelling}");
            Assert.True(status == 403, answer);
        }

        Assert.Equal(200, (await Raw.GetAsync(caller.HttpPort, $"/v1.0/invoke/{callee.AppId}/method/public/of%2520course")).Status);
        Assert.Equal(["/public/of%20course"], app.Requests.All.Select(r => r.Path).Where(p => !p.StartsWith("/dapr/", StringComparison.Ordinal)));
    }

    // Sends one empty message and reads until the stream or the connection has ended.
    private static async Task CallAsync(int port, string path, string target)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync("127.0.0.1", port);
        var stream = connection.GetStream();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        byte[] request =
        [
            .. Http2Frames.Start, .. Http2Frames.Headers(1, Http2Frames.Request(path, isGrpc: true, ("dapr-app-id", target)), end: false),
            .. Http2Frames.Frame(0, 1, 1, new byte[5]),
        ];
        await stream.WriteAsync(request, patience.Token);
        var head = new byte[9];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(head, patience.Token);
                await stream.ReadExactlyAsync(new byte[head[0] << 16 | head[1] << 8 | head[2]], patience.Token);
                var ends = head[3] is 3 or 7 || (head[3] is 0 or 1 && (head[4] & 1) != 0);
                if (ends)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // Cut off.
        }
    }
}
