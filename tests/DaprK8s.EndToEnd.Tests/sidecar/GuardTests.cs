using System.Net;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Sidecar;

/// <summary>What stands between a client and the API: token, access list, CORS, size limits, baggage.</summary>
public sealed class GuardTests
{
    private static readonly Dictionary<string, string> WithToken = new() { ["DAPR_API_TOKEN"] = "s3cret" };

    [Fact]
    public async Task Without_the_right_token_http_answers_401_but_for_health()
    {
        await using var daprd = await Daprd.With(resources: Resource.InMemoryState(), env: WithToken).StartAsync();

        using var missing = await daprd.Http.GetAsync("/v1.0/metadata");
        using var wrong = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("dapr-api-token", "no"));
        using var right = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("dapr-api-token", "s3cret"));
        using var health = await daprd.Http.GetAsync("/v1.0/healthz/outbound?x=1");
        using var otherVerb = await daprd.Http.PostAsync("/v1.0/healthz", null);

        Assert.Equal(HttpStatusCode.Unauthorized, missing.StatusCode);
        Assert.Equal(("text/plain; charset=utf-8", "invalid api token\n"), (missing.Content.Headers.ContentType!.ToString(), await missing.Content.ReadAsStringAsync()));
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, health.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, otherVerb.StatusCode);
        Assert.False(daprd.Log.Contains("s3cret"), "the token is in the log");
    }

    [Theory]
    [InlineData(null, "missing api token in request metadata")]
    [InlineData("no", "authentication error: api token mismatch")]
    public async Task Without_the_right_token_grpc_answers_unauthenticated(string? token, string detail)
    {
        await using var daprd = await Daprd.With(env: WithToken).StartAsync();
        var headers = token is null ? [] : new Metadata { { "dapr-api-token", token } };

        var error = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.GetMetadataAsync(new GetMetadataRequest(), headers).ResponseAsync);

        Assert.Equal((StatusCode.Unauthenticated, "Unauthorized"), (error.StatusCode, error.Status.Detail));
        var info = Details(error).Unpack<Google.Rpc.ErrorInfo>();
        Assert.Equal(("Unauthorized", "401", detail), (info.Reason, info.Metadata["http.code"], info.Metadata["http.error_message"]));
    }

    [Fact]
    public async Task What_the_access_list_denies_is_not_there()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.InMemoryState(),
            config: Resource.Configuration(
                """
                api:
                  denied:
                  - {name: state, version: v1.0, protocol: http}
                  - {name: secrets, version: v1, protocol: grpc}
                  allowed:
                  - {name: state, version: v1, protocol: grpc}
                """)).StartAsync();

        using var http = await daprd.Http.GetAsync("/v1.0/state/statestore/k");
        Assert.Equal(HttpStatusCode.NotFound, http.StatusCode);
        Assert.Contains("ERR_DIRECT_INVOKE", await http.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await daprd.Grpc.GetStateAsync(new GetStateRequest { StoreName = "statestore", Key = "k" });
        var error = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.GetMetadataAsync(new GetMetadataRequest()).ResponseAsync);
        Assert.Equal((StatusCode.Unimplemented, "Not Implemented"), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Cors_answers_preflights_for_listed_origins_only()
    {
        await using var daprd = await Daprd.With(flags: ["--allowed-origins", "https://*.example.com,http://one"], env: WithToken).StartAsync();

        using var good = await Preflight(daprd, "https://a.example.com");
        using var bad = await Preflight(daprd, "https://evil.com");
        using var real = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("Origin", "http://one"), ("dapr-api-token", "s3cret"));

        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        Assert.Equal("https://a.example.com", good.Headers.GetValues("Access-Control-Allow-Origin").Single());
        Assert.Equal(HttpStatusCode.OK, bad.StatusCode);
        Assert.False(bad.Headers.Contains("Access-Control-Allow-Origin"));
        Assert.Contains("Origin", bad.Headers.GetValues("Vary"));
        Assert.Equal("http://one", real.Headers.GetValues("Access-Control-Allow-Origin").Single());
    }

    [Fact]
    public async Task Without_allowed_origins_there_is_no_cors()
    {
        await using var daprd = await Daprd.With().StartAsync();

        using var answer = await Preflight(daprd, "https://a.example.com");

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.False(answer.Headers.Contains("Vary"));
    }

    [Fact]
    public async Task Bodies_over_the_limit_get_the_error_of_their_api()
    {
        await using var daprd = await Daprd.With(
            resources: Resource.All(Resource.InMemoryState(), Resource.InMemoryPubSub()), flags: ["--max-body-size=1Ki"]).StartAsync();
        var large = new string('x', 5000);

        using var state = await daprd.Http.PostAsync("/v1.0/state/statestore", new StringContent($$"""[{"key":"k","value":"{{large}}"}]"""));
        using var publish = await daprd.Http.PostAsync("/v1.0/publish/pubsub/t", new StringContent(large));
        using var metadata = await daprd.Http.PutAsync("/v1.0/metadata/k", new StringContent(large));
        using var chunked = await Send(daprd, HttpMethod.Post, "/v1.0/invoke/x/method/y", new StreamContent(new EndlessBody(5000)));
        var grpc = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.SetMetadataAsync(new SetMetadataRequest { Key = "k", Value = large }).ResponseAsync);

        await AssertError(state, 400, "ERR_MALFORMED_REQUEST", "stream too large");
        await AssertError(publish, 500, "ERR_PUBSUB_PUBLISH_MESSAGE", "stream too large");
        await AssertError(metadata, 400, "ERR_BODY_READ", "stream too large");
        await AssertError(chunked, 500, "ERR_DIRECT_INVOKE", "");
        Assert.Equal(StatusCode.ResourceExhausted, grpc.StatusCode);
    }

    [Fact]
    public async Task Request_headers_over_the_limit_are_refused()
    {
        await using var daprd = await Daprd.With().StartAsync();

        using var small = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("x-filler", new string('x', 4000)));
        using var large = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("x-filler", new string('x', 20000)));

        Assert.Equal(HttpStatusCode.OK, small.StatusCode);
        Assert.Equal(431, (int)large.StatusCode);
    }

    [Fact]
    public async Task Broken_baggage_is_refused_and_good_baggage_comes_back()
    {
        await using var daprd = await Daprd.With().StartAsync();

        using var bad = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("baggage", "no-equals-sign"));
        using var good = await Send(daprd, HttpMethod.Get, "/v1.0/metadata", ("baggage", "user=7;p=1,x=y"));

        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.StartsWith("invalid baggage header: ", await bad.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("user=7;p=1,x=y", string.Join(',', good.Headers.GetValues("baggage")));
    }

    [Fact]
    public async Task The_http_port_speaks_http_2_without_tls_unless_told_not_to()
    {
        await using var daprd = await Daprd.With().StartAsync();
        await using var without = await Daprd.With(env: new Dictionary<string, string> { ["DAPR_HTTP_DISABLE_H2C"] = "true" }).StartAsync();
        using var client = new HttpClient();

        using var answer = await client.SendAsync(H2c(daprd));

        Assert.Equal((HttpVersion.Version20, HttpStatusCode.OK), (answer.Version, answer.StatusCode));
        await Assert.ThrowsAsync<HttpRequestException>(() => client.SendAsync(H2c(without)));

        static HttpRequestMessage H2c(Daprd daprd) => new(HttpMethod.Get, new Uri(daprd.HttpEndpoint, "/v1.0/metadata"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    [Theory]
    [InlineData("GET", "/unknown")]
    [InlineData("DELETE", "/v1.0/metadata")]
    [InlineData("GET", "/v1.0/invoke/app/method")]
    [InlineData("GET", "/v1.0/publish/pubsub")]
    public async Task What_no_route_takes_is_an_invocation_without_target(string verb, string path)
    {
        await using var daprd = await Daprd.With().StartAsync();

        using var answer = await Send(daprd, new HttpMethod(verb), path);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal(
            """{"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"}""",
            await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Building_blocks_that_are_not_there_never_pretend()
    {
        await using var daprd = await Daprd.With().StartAsync();

        using var binding = await daprd.Http.PostAsync("/v1.0/bindings/b", new StringContent("{}"));
        using var state = await daprd.Http.GetAsync("/v1.0/state/nope/k");
        using var actor = await daprd.Http.PutAsync("/v1.0/actors/t/1/method/m", null);
        using var workflow = await daprd.Http.PostAsync("/v1.0/workflows/dapr/w/start", null);
        using var bulk = await daprd.Http.PostAsync("/v1.0/publish/bulk/p/t", new StringContent("[]"));
        var unlock = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.UnlockAlpha1Async(new UnlockRequest()).ResponseAsync);
        var job = await Assert.ThrowsAsync<RpcException>(() => daprd.Grpc.ScheduleJobAsync(new ScheduleJobRequest()).ResponseAsync);

        await AssertError(binding, 500, "ERR_INVOKE_OUTPUT_BINDING", "couldn't find output binding b");
        await AssertError(state, 500, "ERR_STATE_STORE_NOT_CONFIGURED", "state store nope is not configured");
        await AssertError(actor, 400, "ERR_ACTOR_NO_PLACEMENT", "placement service is not configured");
        await AssertError(workflow, 500, "ERR_START_WORKFLOW", "");
        await AssertError(bulk, 501, "ERR_API_UNIMPLEMENTED", "");
        Assert.Equal(StatusCode.FailedPrecondition, unlock.StatusCode);
        Assert.Equal(StatusCode.Unimplemented, job.StatusCode);
    }

    private static async Task AssertError(HttpResponseMessage response, int status, string code, string text)
    {
        var body = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status && body.Contains($"\"errorCode\":\"{code}\"", StringComparison.Ordinal) && body.Contains(text, StringComparison.Ordinal),
            $"expected {status} {code} «{text}», got {(int)response.StatusCode} {body}");
    }

    private static Google.Protobuf.WellKnownTypes.Any Details(RpcException error)
        => Assert.Single(Google.Rpc.Status.Parser.ParseFrom(error.Trailers.GetValueBytes("grpc-status-details-bin")).Details);

    private static Task<HttpResponseMessage> Preflight(Daprd daprd, string origin)
        => Send(daprd, HttpMethod.Options, "/v1.0/metadata", ("Origin", origin), ("Access-Control-Request-Method", "GET"));

    private static async Task<HttpResponseMessage> Send(Daprd daprd, HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await daprd.Http.SendAsync(request);
    }

    private static async Task<HttpResponseMessage> Send(Daprd daprd, HttpMethod method, string path, HttpContent content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.TransferEncodingChunked = true;
        return await daprd.Http.SendAsync(request);
    }

    /// <summary>A body whose length nobody is told.</summary>
    private sealed class EndlessBody(int length) : MemoryStream(Encoding.ASCII.GetBytes(new string('x', length)))
    {
        public override bool CanSeek => false;
    }
}
