using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Protos.Runtime.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary><c>InvokeService</c> of the gRPC API on an HTTP app.</summary>
public class InvokeServiceTests(HttpPair pair) : IClassFixture<HttpPair>
{
    public static readonly TheoryData<Leg> Legs = new(HttpPair.BothLegs);

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_call_becomes_a_request_and_its_answer_a_reply(Leg leg)
    {
        var path = $"/grpc/{leg}";
        pair.App.On(path, r => Reply.Of(202, r.Text, "text/x-own").With("X-Several", "a").With("X-Several", "b").With("Date", "Thu, 01 Jan 2026 00:00:00 GMT"));

        var call = Invoke(
            leg, path, "body", r =>
            {
                r.ContentType = "text/plain";
                r.HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Patch, Querystring = "a=1&b=%2F" };
            },
            new Metadata { { "x-own", "own" }, { "x-binary-bin", [1, 2] }, { "dapr-callee-app-id", "forged" }, { "dapr-api-token", "token-of-a-client" } });
        var reply = await call;
        var headers = await call.ResponseHeadersAsync;

        Assert.Equal(("body", "text/x-own"), (reply.Data.Value.ToStringUtf8(), reply.ContentType));
        Assert.Equal("202", headers.GetValue("dapr-http-status"));
        Assert.Equal(["a", "b"], headers.GetAll("x-several").SelectMany(h => h.Value.Split(", ")));
        Assert.NotNull(headers.GetValue("dapr-date"));
        var seen = Assert.Single(pair.App.To(path));
        Assert.Equal(("PATCH", "a=1&b=%2F", "text/plain"), (seen.Method, seen.Query, seen.Header("Content-Type")));
        Assert.Equal("own", seen.Header("x-own"));
        Assert.Null(seen.Header("x-binary-bin"));
        Assert.Equal([HttpPair.AppToken], seen.Headers["dapr-api-token"]);
        Assert.Equal([pair.Callee.AppId], seen.Headers["dapr-callee-app-id"]);
        Assert.Equal([pair.From(leg).AppId], seen.Headers["dapr-caller-app-id"]);
    }

    [Theory]
    [MemberData(nameof(Legs))]
    public async Task A_call_without_a_verb_is_a_POST(Leg leg)
    {
        var path = $"/no-verb/{leg}";
        pair.App.On(path, Reply.Ok);

        await Invoke(leg, path, "");
        await Invoke(leg, path, "", r => r.HttpExtension = new HTTPExtension());

        Assert.Equal(["POST", "POST"], pair.App.To(path).Select(r => r.Method));
    }

    public static readonly MatrixTheoryData<Leg, (int Http, StatusCode Code, string Text)> Codes = new(
        HttpPair.BothLegs,
        [
            (400, StatusCode.Internal, "Bad Request"), (401, StatusCode.Unauthenticated, "Unauthorized"), (403, StatusCode.PermissionDenied, "Forbidden"),
            (404, StatusCode.NotFound, "Not Found"), (408, StatusCode.Cancelled, "Request Timeout"), (409, StatusCode.AlreadyExists, "Conflict"),
            (418, StatusCode.Unknown, "I'm a teapot"), (429, StatusCode.ResourceExhausted, "Too Many Requests"), (500, StatusCode.Unknown, "Internal Server Error"),
            (501, StatusCode.Unimplemented, "Not Implemented"), (502, StatusCode.Unknown, "Bad Gateway"), (503, StatusCode.Unavailable, "Service Unavailable"),
            (504, StatusCode.DeadlineExceeded, "Gateway Timeout"), (302, StatusCode.Unknown, "Found"),
        ]);

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task A_status_of_the_app_becomes_one_of_gRPC(Leg leg, (int Http, StatusCode Code, string Text) expected)
    {
        var path = $"/codes/{leg}/{expected.Http}";
        pair.App.On(path, Reply.Of(expected.Http, "why: " + new string('y', 100)).With("X-Own", "own"));

        var call = Invoke(leg, path, "x");
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call);

        Assert.Equal((expected.Code, expected.Text), (e.StatusCode, e.Status.Detail));
        var info = Google.Rpc.Status.Parser.ParseFrom(e.Trailers.GetValueBytes("grpc-status-details-bin")).Details.Single().Unpack<ErrorInfo>();
        Assert.Equal((expected.Text, "dapr.io"), (info.Reason, info.Domain));
        Assert.Equal($"{expected.Http}", info.Metadata["http.code"]);
        Assert.Equal("why: " + new string('y', 58), info.Metadata["http.error_message"]);
        Assert.Equal($"{expected.Http}", (await call.ResponseHeadersAsync).GetValue("dapr-http-status"));
        Assert.Equal("own", (await call.ResponseHeadersAsync).GetValue("x-own"));
        Assert.Single(pair.App.To(path));
    }

    [Theory]
    [InlineData("nobody", "x", "couldn't find service: nobody")]
    [InlineData("a.b.c", "x", "invalid app id a.b.c")]
    [InlineData("", "x", "app id is empty")]
    [InlineData(null, "a?b", "invalid method: method contains forbidden character: \"a?b\"")]
    [InlineData(null, "a\nb", "invalid method: method contains control character at position 1")]
    public async Task Every_other_failure_is_internal_and_says_why(string? id, string method, string text)
    {
        id ??= pair.Callee.AppId;
        var e = await Assert.ThrowsAsync<RpcException>(async () => await pair.Caller.Grpc.InvokeServiceAsync(
            new InvokeServiceRequest { Id = id, Message = new InvokeRequest { Method = method } }));

        Assert.Equal(StatusCode.Internal, e.StatusCode);
        Assert.StartsWith($"failed to invoke, id: {id}, err: ", e.Status.Detail, StringComparison.Ordinal);
        Assert.Contains(text, e.Status.Detail);
    }

    [Theory]
    [InlineData("a%2Fb", "/a%2Fb")]
    [InlineData("/a//b/../c/", "/a/c")]
    [InlineData("../../x", "/x")]
    [InlineData("a b", "/a%20b")]
    [InlineData("", "/")]
    public async Task A_method_is_cleaned_but_not_decoded(string method, string target)
    {
        pair.App.On("*", r => Reply.Of(200, r.Target));

        foreach (var leg in HttpPair.BothLegs)
        {
            Assert.Equal(target, (await Invoke(leg, method, "")).Data.Value.ToStringUtf8());
        }
    }

    [Fact]
    public async Task An_answer_beyond_the_limit_of_a_message_is_an_error()
    {
        pair.App.On("/too-large", new Reply(200, new byte[5 << 20]));

        var e = await Assert.ThrowsAsync<RpcException>(async () => await Invoke(Leg.Remote, "/too-large", ""));

        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Fact]
    public async Task A_request_beyond_the_limit_is_refused_and_the_sidecar_goes_on()
    {
        pair.App.On("/after-large", Reply.Ok);

        var e = await Assert.ThrowsAsync<RpcException>(async () => await Invoke(Leg.Remote, "/after-large", new string('x', 5 << 20)));
        await Invoke(Leg.Remote, "/after-large", "x");

        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    private AsyncUnaryCall<InvokeResponse> Invoke(Leg leg, string method, string body, Action<InvokeRequest>? setup = null, Metadata? headers = null)
    {
        var message = new InvokeRequest { Method = method, Data = new Any { Value = ByteString.CopyFrom(body, Encoding.UTF8) } };
        setup?.Invoke(message);
        return pair.From(leg).Grpc.InvokeServiceAsync(new InvokeServiceRequest { Id = pair.Callee.AppId, Message = message }, headers);
    }
}
