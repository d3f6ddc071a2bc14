using System.Net;
using DaprK8s.Protos.Runtime.V1;
using DaprK8s.Sidecar.Invocation;
using Grpc.Core;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>A gRPC app behind the same list, which also lets the service <c>pkg.Open</c> be called.</summary>
public sealed class GrpcAppOverTheWireTests : IAsyncLifetime
{
    private GuardedPair pair = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => pair = await GuardedPair.StartAsync(isGrpcApp: true, GuardedPair.OnlyPublic);

    public ValueTask DisposeAsync() => pair.DisposeAsync();

    [Theory]
    [InlineData("public")]
    [InlineData("/public")]
    [InlineData("admin/../public", "public")]
    [InlineData("admin/../../public", "public")]
    [InlineData("/admin%09/../public", "/public")]
    [InlineData("/admin%0A/../public", "/public")]
    [InlineData("/admin%0D/../public", "/public")]
    [InlineData("admin%2Fsecret/../public", "public")]
    public async Task An_allowed_method_reaches_the_app_as_it_was_judged(string method, string? seen = null)
    {
        var reply = await InvokeAsync(method);

        Assert.Equal(seen ?? method, reply.Data.Value.ToStringUtf8());
        Assert.Equal([seen ?? method], pair.App.Calls.Select(c => c.Method));
    }

    [Theory]
    [InlineData("admin")]
    [InlineData("/unauthorized")]
    [InlineData("Public")]
    [InlineData("public/../unauthorized")]
    [InlineData("/public%23/../unauthorized", "/unauthorized")]
    [InlineData("/public%3F/../unauthorized", "/unauthorized")]
    [InlineData("public%/../admin", "admin")]
    [InlineData("public/../admin%2Fsecret")]
    [InlineData("admin%2Fpublic")]
    [InlineData("admin%2F..%2Fpublic")]
    [InlineData("admin%2F..%2F..%2Fpublic")]
    [InlineData("admin%2Fsecret%2F..%2F..%2Fpublic")]
    [InlineData("admin\\..\\public")]
    [InlineData("/public;../../admin")]
    [InlineData("public\uff0f..")]
    [InlineData("public\ufffd\ufffd..")]
    public async Task A_denied_method_is_an_internal_error_that_says_so(string method, string? judged = null)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => InvokeAsync(method));

        Assert.Equal(StatusCode.Internal, e.StatusCode);
        Assert.Equal(
            "failed to invoke, id: callee, err: rpc error: code = PermissionDenied desc = access control policy has denied access to "
            + $"id: spiffe://public/ns/default/caller operation: {judged ?? MethodName.Clean(method)} verb: NONE",
            e.Status.Detail);
        Assert.Empty(pair.App.Calls);
    }

    [Theory]
    [InlineData("public#")]
    [InlineData("public?")]
    [InlineData("public\0")]
    [InlineData("public\t")]
    [InlineData("public\n")]
    [InlineData("public\r")]
    [InlineData("/public\r/../unauthorized")]
    public async Task A_method_with_a_character_that_it_must_not_have_is_refused(string method)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => InvokeAsync(method));

        Assert.Contains("invalid method", e.Status.Detail);
        Assert.Empty(pair.App.Calls);
    }

    [Theory]
    [InlineData("/pkg.Open/Method", "/pkg.Open/Method")]
    [InlineData("//pkg.Open//Method/", "/pkg.Open/Method")]
    [InlineData("/pkg.Closed/../pkg.Open/Method", "/pkg.Open/Method")]
    [InlineData("/pkg.Open/Meth%6fd", "/pkg.Open/Meth%6fd")]
    [InlineData("/pkg.Open/%2e%2e", null)]
    [InlineData("/pkg.Open/%252e%252e", "/pkg.Open/%252e%252e")]
    [InlineData("/pkg.Open/..%2Fpkg.Closed", null)]
    [InlineData("/pkg.Open/a\\..\\b", "/pkg.Open/a\\..\\b")]
    [InlineData("/pkg.Open/a\"{|}^`<>%", "/pkg.Open/a\"{|}^`<>%")]
    [InlineData("/pkg.Closed/Method", null)]
    [InlineData("/pkg.open/Method", null)]
    [InlineData("/pkg.Open/../pkg.Closed/Method", null)]
    [InlineData("/pkg.Open/%2e%2e/pkg.Closed", null)]
    [InlineData("/pkg.Open%2FMethod", null)]
    [InlineData("/p%6bg.Open/Method", null)]
    [InlineData("/", null)]
    public async Task A_proxied_call_is_judged_by_the_path_that_the_app_sees(string path, string? seen)
    {
        foreach (var direct in new[] { false, true })
        {
            pair.App.Calls.Clear();
            var (status, message) = await ProxyAsync(path, direct);

            Assert.Equal(seen is null ? "7" : "0", status);
            Assert.Equal(seen is null ? [] : [seen], pair.App.Calls.Select(c => c.Method));
            if (seen is null)
            {
                Assert.Equal(
                    $"access control policy has denied access to id: spiffe://public/ns/default/caller operation: {MethodName.Clean(path)} verb: NONE", message);
            }
        }
    }

    [Fact]
    public async Task A_proxied_path_with_a_query_is_refused()
    {
        var (status, message) = await ProxyAsync("/pkg.Open/Method?x", direct: true);

        Assert.Equal(("3", "invalid method: method contains forbidden character: \"/pkg.Open/Method?x\""), (status, message));
        Assert.Empty(pair.App.Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_calls_is_what_the_certificate_says(bool direct)
    {
        await ProxyAsync(
            "/pkg.Open/Method", direct, ("dapr-caller-app-id", "forged"), ("Dapr-Caller-App-Id", "forged"), ("dapr-caller-namespace", "forged"), ("x-own", "own"));

        var headers = Assert.Single(pair.App.Calls).Headers;
        Assert.Equal(["caller"], headers["dapr-caller-app-id"].ToArray());
        Assert.Equal(["default"], headers["dapr-caller-namespace"].ToArray());
        Assert.Equal(["callee"], headers["dapr-callee-app-id"].ToArray());
        Assert.Equal(["own"], headers["x-own"].ToArray());
    }

    private async Task<Protos.Common.V1.InvokeResponse> InvokeAsync(string method)
        => await new DaprK8s.Protos.Runtime.V1.Dapr.DaprClient(pair.Grpc).InvokeServiceAsync(new InvokeServiceRequest { Id = "callee", Message = new Protos.Common.V1.InvokeRequest { Method = method } }, cancellationToken: Stop);

    // By hand: a gRPC client would not send such paths. Through the calling sidecar's API, or straight to the called one's port.
    private async Task<(string? Status, string Message)> ProxyAsync(string path, bool direct, params (string Name, string Value)[] headers)
    {
        using var plain = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            new Uri($"http://{(direct ? pair.CalleeAddress : pair.Grpc.Target)}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0, 0, 0, 0]) { Headers = { { "content-type", "application/grpc" } } },
        };
        request.Headers.Add("te", "trailers");
        request.Headers.Add("dapr-app-id", "callee");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await (direct ? pair.Internal : plain).SendAsync(request, Stop);
        await response.Content.ReadAsByteArrayAsync(Stop);
        var all = response.TrailingHeaders.Concat(response.Headers).ToDictionary(h => h.Key, h => h.Value.First());
        return (all.GetValueOrDefault("grpc-status"), Uri.UnescapeDataString(all.GetValueOrDefault("grpc-message") ?? ""));
    }
}
