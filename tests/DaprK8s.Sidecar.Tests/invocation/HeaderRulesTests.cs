using CsCheck;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;

namespace DaprK8s.Sidecar.Tests.Invocation;

public sealed class HeaderRulesTests
{
    private static readonly string[] HopByHop =
    [
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings", "te", "trailer", "proxy-authorization",
        "proxy-authenticate",
    ];

    private static readonly string[] Own =
    [
        "dapr-app-id", "dapr-api-token", "dapr-caller-app-id", "dapr-caller-namespace", "dapr-callee-app-id", "destination-app-id", "content-type",
        "content-length", "host", "traceparent", "tracestate", "grpc-trace-bin", "baggage",
    ];

    private static Gen<string> Spelled(IEnumerable<string> names)
        => Gen.Select(Gen.OneOf<string>([.. names]), Gen.Bool.Array[30]).Select(
            (name, upper) => string.Concat(name.Select((c, i) => upper[i] ? char.ToUpperInvariant(c) : c)));

    [Fact]
    public void Headers_of_one_hop_pass_in_no_direction_and_no_spelling()
        => Spelled(HopByHop).Sample(name => !HeaderRules.PassesRequest(name) && !HeaderRules.PassesResponse(name));

    [Fact]
    public void What_the_sidecar_sets_itself_passes_in_no_spelling() => Spelled(Own).Sample(name => !HeaderRules.PassesRequest(name));

    [Fact]
    public void Binary_metadata_is_no_header() => Spelled(["x-bin", "some-Trace-bin"]).Sample(name => !HeaderRules.PassesRequest(name) && !HeaderRules.PassesResponse(name));

    [Fact]
    public void Everything_else_passes()
        => Spelled(["x-own", "authorization", "accept", "cookie", "user-agent", "if-match", "x-forwarded-for", "content-language", "expect", "dapr-other", "te-x"])
            .Sample(name => HeaderRules.PassesRequest(name) && HeaderRules.PassesResponse(name));

    [Theory]
    [InlineData("Accept", "dapr-accept")]
    [InlineData("Cookie", "dapr-cookie")]
    [InlineData("WARNING", "dapr-warning")]
    [InlineData("Authorization", "authorization")]
    [InlineData("X-Own", "x-own")]
    [InlineData("Grpc-Timeout", "dapr-grpc-timeout")]
    [InlineData(":authority", "dapr-authority")]
    [InlineData("User-Agent", "user-agent")]
    public void A_header_reaches_a_gRPC_app_under_this_name(string name, string expected) => Assert.Equal(expected, HeaderRules.ToGrpcName(name));

    [Fact]
    public void What_Connection_names_is_removed_in_every_spelling()
    {
        var headers = new HeaderList { { "X-One", "1" }, { "x-two", "2" }, { "X-THREE", "3" }, { "x-one", "4" }, { "x-kept", "5" } };

        HeaderRules.RemoveNamedByConnection(headers, "close, x-ONE ,, X-Two,x-three");

        Assert.Equal(["x-kept"], headers.Select(h => h.Key));
    }
}
