using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.EndToEnd.Tests.Invocation;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Where calls out of the cluster of apps may lead, and what they take along (attack checklist 24 and 25).</summary>
public sealed class OutboundTests
{
    private const string Secret = "secret-of-the-endpoint";

    [Theory]
    [InlineData("@127.0.0.1:{evil}/x")]
    [InlineData("//127.0.0.1:{evil}/x")]
    [InlineData("/127.0.0.1:{evil}/x")]
    [InlineData("%2F%2F127.0.0.1:{evil}/x")]
    [InlineData("%40127.0.0.1:{evil}/x")]
    [InlineData("\\\\127.0.0.1:{evil}/x")]
    [InlineData("%5C%5C127.0.0.1:{evil}/x")]
    [InlineData("http://127.0.0.1:{evil}/x")]
    [InlineData("http:%2F%2F127.0.0.1:{evil}/x")]
    [InlineData(":{evil}/x")]
    [InlineData(".127.0.0.1:{evil}/x")]
    [InlineData("../x")]
    [InlineData("a/../../../x")]
    [InlineData("..%2F..%2Fx")]
    [InlineData("%2e%2e/%2e%2e/x")]
    [InlineData("%252e%252e/%252e%252e/x")]
    [InlineData("%252e./.%252E/x")]
    [InlineData("..%5C..%5Cx")]
    [InlineData("%255c..%255c..%255cx")]
    [InlineData("..;/..;/x")]
    [InlineData("x%20HTTP/1.1%0D%0AX-Injected:%20y")]
    [InlineData("x?host=127.0.0.1:{evil}")]
    [InlineData("x#@127.0.0.1:{evil}/")]
    public async Task The_text_of_a_method_leads_to_no_other_host_and_not_out_of_the_base_path(string method)
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var evil = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var daprd = await Daprd.With(
            resources: Resource.All(Endpoint("based", $"http://127.0.0.1:{service.Port}/base/path"), Endpoint("bare", $"http://127.0.0.1:{service.Port}"))).StartAsync(Until.Ready);
        method = method.Replace("{evil}", $"{evil.Port}", StringComparison.Ordinal);

        foreach (var target in new[] { "based", "bare" })
        {
            await Raw.GetAsync(daprd.HttpPort, $"/v1.0/invoke/{target}/method/{method}");
            await Raw.GetAsync(daprd.HttpPort, "/" + method, "GET", "dapr-app-id: " + target);
            await Raw.CallAsync(daprd, "dapr.proto.runtime.v1.Dapr", "InvokeService", null, Message(target, method));
        }

        Assert.Empty(evil.Requests.All);
        foreach (var request in service.Requests.All)
        {
            Assert.Equal($"127.0.0.1:{service.Port}", request.Header("Host"));
            Assert.Null(request.Header("X-Injected"));
            Assert.StartsWith("/", request.Path);
            Assert.DoesNotContain(request.Path.Split('/', '\\').Select(s => Uri.UnescapeDataString(s).TrimEnd(';')), s => s is ".." or ".");
            Assert.DoesNotContain('\\', request.Path);
        }
    }

    [Fact]
    public async Task A_redirect_to_another_host_takes_no_secrets_along()
    {
        await using var elsewhere = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "elsewhere")));
        await using var service = await HttpApp.StartAsync(a => a
            .On("/away", Reply.Of(302).With("Location", $"http://localhost:{elsewhere.Port}/x"))
            .On("/kept", Reply.Of(307).With("Location", $"http://localhost:{elsewhere.Port}/y"))
            .On("/port", Reply.Of(302).With("Location", $"http://127.0.0.1:{elsewhere.Port}/z"))
            .On("/user", Reply.Of(302).With("Location", $"http://user:password@127.0.0.1:{elsewhere.Port}/u"))
            .On("/home", Reply.Of(302).With("Location", "/there"))
            .On("/there", Reply.Of(200, "there")));
        await using var daprd = await Daprd.With(resources: Endpoint("named", $"http://127.0.0.1:{service.Port}")).StartAsync(Until.Ready);

        foreach (var method in new[] { "away", "kept", "port", "user" })
        {
            var (status, answer) = await Raw.SendAsync(
                daprd.HttpPort,
                $"POST /v1.0/invoke/named/method/{method} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer of-the-client\r\nCookie: of-the-client\r\n"
                    + "X-Kept: kept\r\nContent-Length: 4\r\n\r\nbody");
            Assert.True(status == 200 && answer.Contains("elsewhere", StringComparison.Ordinal), answer);
        }

        Assert.Equal(4, elsewhere.Requests.Count);
        Assert.All(elsewhere.Requests.All, r =>
        {
            Assert.DoesNotContain(r.Headers, h => h.Value.Any(v => v.Contains(Secret, StringComparison.Ordinal) || v.Contains("of-the-client", StringComparison.Ordinal)));
            Assert.Null(r.Header("Authorization"));
            Assert.Equal("kept", r.Header("X-Kept"));
        });
        Assert.Equal(("GET", ""), (Assert.Single(elsewhere.To("/x")).Method, Assert.Single(elsewhere.To("/x")).Text));
        Assert.Equal(("POST", "body"), (Assert.Single(elsewhere.To("/y")).Method, Assert.Single(elsewhere.To("/y")).Text));

        var home = await daprd.Http.GetStringAsync("/v1.0/invoke/named/method/home");
        Assert.Equal("there", home);
        Assert.Equal(Secret, Assert.Single(service.To("/there")).Header("X-Secret"));
    }

    [Fact]
    public async Task Redirects_end()
    {
        await using var service = await HttpApp.StartAsync(a => a
            .On("/loop", Reply.Of(302).With("Location", "/loop"))
            .On("/file", Reply.Of(302).With("Location", "file:///etc/passwd"))
            .On("/odd", Reply.Of(302).With("Location", "http://[")));
        await using var daprd = await Daprd.With(resources: Endpoint("named", $"http://127.0.0.1:{service.Port}")).StartAsync(Until.Ready);

        using var loop = await daprd.Http.GetAsync("/v1.0/invoke/named/method/loop");
        using var file = await daprd.Http.GetAsync("/v1.0/invoke/named/method/file");
        using var odd = await daprd.Http.GetAsync("/v1.0/invoke/named/method/odd");

        Assert.InRange(service.To("/loop").Count, 2, 11);
        Assert.DoesNotContain("root:", await file.Content.ReadAsStringAsync());
        Assert.NotEqual(200, (int)odd.StatusCode);
        Assert.NotEqual(200, (int)loop.StatusCode);
    }

    [Fact]
    public async Task With_an_API_token_nobody_calls_out_without_it_and_the_list_closes_it_for_all()
    {
        await using var service = await HttpApp.StartAsync(a => a.On("*", Reply.Ok));
        await using var guarded = await Daprd.With(env: new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "t" }).StartAsync();
        await using var closed = await Daprd.With(config: Resource.Configuration(
            "api: {denied: [{name: invoke, version: v1, protocol: http}, {name: invoke, version: v1, protocol: grpc}]}")).StartAsync();

        foreach (var daprd in new[] { guarded, closed })
        {
            Assert.InRange((await Raw.GetAsync(daprd.HttpPort, $"/v1.0/invoke/http://127.0.0.1:{service.Port}/method/x")).Status, 401, 405);
            Assert.InRange((await Raw.GetAsync(daprd.HttpPort, "/x", "GET", $"dapr-app-id: http://127.0.0.1:{service.Port}")).Status, 401, 405);
            Assert.NotEqual(Grpc.Core.StatusCode.OK, (await Raw.CallAsync(daprd, "dapr.proto.runtime.v1.Dapr", "InvokeService", null, Message($"http://127.0.0.1:{service.Port}", "x"))).StatusCode);
        }

        Assert.Empty(service.Requests.All);
    }

    [Fact]
    public async Task The_API_is_bound_to_loopback_unless_told_otherwise()
    {
        await using var daprd = await Daprd.With(flags: ["--dapr-listen-addresses", "localhost"]).StartAsync(Until.Started);
        await daprd.Log.WaitForAsync("HTTP server is running");
        var listening = System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners();

        Assert.Contains(listening, e => e.Port == daprd.HttpPort);
        Assert.All(listening.Where(e => e.Port == daprd.HttpPort || e.Port == daprd.GrpcPort), e => Assert.True(System.Net.IPAddress.IsLoopback(e.Address), e.ToString()));
    }

    private static byte[] Message(string target, string method)
        => Google.Protobuf.MessageExtensions.ToByteArray(new Protos.Runtime.V1.InvokeServiceRequest
        {
            Id = target,
            Message = new() { Method = method, HttpExtension = new() { Verb = Protos.Common.V1.HTTPExtension.Types.Verb.Get } },
        });

    private static string Endpoint(string name, string url)
        => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: {name}\nspec:\n  baseUrl: \"{url}\"\n  headers:\n  - name: X-Secret\n    value: {Secret}\n  - name: Authorization\n    value: Bearer {Secret}";
}
