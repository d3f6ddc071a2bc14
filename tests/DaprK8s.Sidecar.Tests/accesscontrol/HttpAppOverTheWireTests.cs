using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using CsCheck;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Internals.V1;
using DaprK8s.Sidecar.Invocation;
using Google.Protobuf;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>An HTTP app behind a list that lets the caller call <c>/public</c> and nothing else.</summary>
public sealed class HttpAppOverTheWireTests : IAsyncLifetime
{
    private GuardedPair pair = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => pair = await GuardedPair.StartAsync(isGrpcApp: false, GuardedPair.OnlyPublic);

    public ValueTask DisposeAsync() => pair.DisposeAsync();

    [Theory]
    [InlineData("public", 200, "/public")]
    [InlineData("PUBLIC", 200, "/PUBLIC")]
    [InlineData("admin%2F..%2Fpublic", 200, "/public")]
    [InlineData("admin%2F..%2F..%2Fpublic", 200, "/public")]
    [InlineData("admin%2Fsecret%2F..%2F..%2Fpublic", 200, "/public")]
    [InlineData("..%2Fpublic", 200, "/public")]
    [InlineData("public%2F..%2Fpublic", 200, "/public")]
    [InlineData("a%2Fb%2Fc%2F..%2F..%2F..%2Fpublic", 200, "/public")]
    [InlineData("public///extra", 200, "/public/extra")]
    [InlineData("admin", 403)]
    [InlineData("unauthorized", 403)]
    [InlineData("admin?bypass", 403)]
    [InlineData("public%23../../admin", 403)]
    [InlineData("public%23%2F..%2Fadmin", 403)]
    [InlineData("public%3F%2F..%2Fadmin", 403)]
    [InlineData("public%25%2F..%2Fadmin", 403)]
    [InlineData("public%23%2F..%2F..%2Fsecret%2Fadmin", 403)]
    [InlineData("public%23/../unauthorized", 403)]
    [InlineData("public%3F/../unauthorized", 403)]
    [InlineData("public%0D/../unauthorized", 403)]
    [InlineData("public%25/../unauthorized", 403)]
    [InlineData("public/sub%23/../../unauthorized", 403)]
    [InlineData("public%23/../../unauthorized", 403)]
    [InlineData("public%2F..%2Funauthorized", 403)]
    [InlineData("public%252F..%252Fadmin", 403)]
    [InlineData("public%252Fx", 403)]
    [InlineData("publicx", 403)]
    [InlineData("admin%25stream", 403)]
    [InlineData("admin%22stream", 403)]
    [InlineData("admin%2Astream", 403)]
    [InlineData("admin%5Cstream", 403)]
    [InlineData("admin%5C..%5Cpublic", 403)]
    [InlineData("admin%2F..%5C..%2Fpublic", 403)]
    [InlineData("admin%3Fignored", 500)]
    [InlineData("admin%23%3F%25bypass", 500)]
    [InlineData("public%23", 500)]
    [InlineData("public%0A", 500)]
    public async Task A_path_is_judged_as_the_app_sees_it(string sent, int status, string? seen = null)
    {
        foreach (var inHeader in new[] { false, true })
        {
            pair.App.Calls.Clear();
            using var response = await SendAsync(inHeader ? "/" + sent : "/v1.0/invoke/callee/method/" + sent, inHeader);

            Assert.Equal(status, (int)response.StatusCode);
            Assert.Equal(seen is null ? [] : [seen], pair.App.Calls.Select(c => c.Method));
        }
    }

    // The server that this runs on refuses an escaped NUL before anybody sees the request.
    [Theory]
    [InlineData("admin%00public")]
    [InlineData("public%23%00%2F..%2Fadmin")]
    [InlineData("public%00")]
    public async Task A_NUL_is_refused_and_never_reaches_the_app(string sent)
    {
        using var response = await SendAsync("/v1.0/invoke/callee/method/" + sent, inHeader: false);

        Assert.True((int)response.StatusCode >= 400);
        Assert.Empty(pair.App.Calls);
    }

    [Fact]
    public async Task A_denial_names_the_caller_the_operation_and_the_verb()
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, "/v1.0/invoke/callee/method/Admin/7?q=1") { Content = new StringContent("body") };
        using var response = await pair.Http.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        var error = await response.Content.ReadFromJsonAsync<JsonElement>(Stop);
        Assert.Equal("ERR_DIRECT_INVOKE", error.GetProperty("errorCode").GetString());
        Assert.Equal(
            "failed to invoke, id: callee, err: rpc error: code = PermissionDenied desc = access control policy has denied access to "
            + "id: spiffe://public/ns/default/caller operation: Admin/7 verb: PATCH",
            error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_denied_upload_ends_without_being_read()
    {
        using var body = new StreamContent(new MemoryStream(new byte[3 << 20]));
        body.Headers.ContentLength = null;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1.0/invoke/callee/method/admin") { Content = body, Headers = { TransferEncodingChunked = true } };
        using var response = await pair.Http.SendAsync(request, Stop);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Empty(pair.App.Calls);
    }

    [Fact]
    public async Task Who_calls_is_what_the_certificate_says()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1.0/invoke/callee/method/public");
        request.Headers.Add("dapr-caller-app-id", ["forged", "forged too"]);
        request.Headers.Add("DAPR-Caller-Namespace", "forged");
        request.Headers.Add("Dapr-Callee-App-Id", "forged");
        using var response = await pair.Http.SendAsync(request, Stop);

        var headers = Assert.Single(pair.App.Calls).Headers;
        Assert.Equal(["caller"], headers["dapr-caller-app-id"].ToArray());
        Assert.Equal(["default"], headers["dapr-caller-namespace"].ToArray());
        Assert.Equal(["callee"], headers["dapr-callee-app-id"].ToArray());
    }

    [Theory]
    [InlineData("dapr-caller-app-id", "dapr-caller-namespace")]
    [InlineData("Dapr-Caller-App-Id", "DAPR-CALLER-NAMESPACE")]
    public async Task A_peer_can_not_pass_for_another(string idName, string namespaceName)
    {
        var message = new InternalInvokeRequest
        {
            Message = new() { Method = "public", HttpExtension = new() { Verb = HTTPExtension.Types.Verb.Get } },
            Metadata =
            {
                [idName] = new ListStringValue { Values = { "forged", "forged too" } },
                [namespaceName] = new ListStringValue { Values = { "forged" } },
                ["dapr-callee-app-id"] = new ListStringValue { Values = { "forged" } },
                ["x-own"] = new ListStringValue { Values = { "own" } },
            },
        }.ToByteArray();
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{pair.CalleeAddress}/dapr.proto.internals.v1.ServiceInvocation/CallLocal")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame) { Headers = { { "content-type", "application/grpc" } } },
        };
        using var response = await pair.Internal.SendAsync(request, Stop);
        await response.Content.ReadAsByteArrayAsync(Stop);

        var headers = Assert.Single(pair.App.Calls).Headers;
        Assert.Equal(["caller"], headers["dapr-caller-app-id"].ToArray());
        Assert.Equal(["default"], headers["dapr-caller-namespace"].ToArray());
        Assert.Equal(["callee"], headers["dapr-callee-app-id"].ToArray());
        Assert.Equal(["own"], headers["x-own"].ToArray());
    }

    [Fact]
    public async Task No_spelling_of_a_path_gets_around_the_list()
    {
        var segment = Gen.OneOf<string>(
            Gen.OneOf<string>("public", "PUBLIC", "admin", "..", ".", "", "%2e%2e", "%2E", "..%2f", "%2F", "%2f..", "%5c", "%252e%252e", "%252F", "%23", "%3F", "%25", "%0d", ";", "*"),
            Gen.String[Gen.Char["pub/.%2Fe5c"], 0, 8].Select(s => s.Replace("%", "%25", StringComparison.Ordinal)));
        var paths = new List<string>();
        segment.Array[1, 7].Select(s => string.Join('/', s)).Sample(paths.Add, iter: 400, threads: 1);

        foreach (var path in paths)
        {
            pair.App.Calls.Clear();
            using var response = await SendAsync("/v1.0/invoke/callee/method/" + path, inHeader: false);

            Assert.Equal(response.StatusCode == HttpStatusCode.OK ? 1 : 0, pair.App.Calls.Count);
            foreach (var (target, _) in pair.App.Calls)
            {
                Assert.Matches("^(?i)/public(/|$)", target);
                Assert.Equal(target, MethodName.Normalise(target));
            }
        }
    }

    private Task<HttpResponseMessage> SendAsync(string target, bool inHeader)
    {
        var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri($"http://127.0.0.1:{pair.HttpPort}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (inHeader)
        {
            request.Headers.Add("dapr-app-id", "callee");
        }

        return pair.Http.SendAsync(request, Stop);
    }
}
