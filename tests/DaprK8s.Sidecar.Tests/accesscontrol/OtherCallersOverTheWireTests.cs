using System.Net;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>Callers that the list does not know, or whose certificate names nobody.</summary>
public sealed class OtherCallersOverTheWireTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("spiffe://public/ns/other/caller")]
    [InlineData("spiffe://elsewhere/ns/default/caller")]
    [InlineData("spiffe://public/ns/default/Caller")]
    [InlineData("spiffe://public/ns/default/somebody")]
    public async Task A_caller_without_a_policy_gets_the_global_default(string uri)
    {
        await using var pair = await GuardedPair.StartAsync(isGrpcApp: false, GuardedPair.OnlyPublic, uri);
        using var response = await pair.Http.GetAsync("/v1.0/invoke/callee/method/public", Stop);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains($"id: {uri} operation: public verb: GET", await response.Content.ReadAsStringAsync(Stop));
        Assert.Empty(pair.App.Calls);
    }

    [Fact]
    public async Task A_certificate_that_names_nobody_is_refused()
    {
        await using var pair = await GuardedPair.StartAsync(isGrpcApp: false, new() { DefaultAction = "allow", TrustDomain = "public" }, "spiffe://public/somebody");
        using var response = await pair.Http.GetAsync("/v1.0/invoke/callee/method/public", Stop);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Contains("malformed SPIFFE ID: spiffe://public/somebody", await response.Content.ReadAsStringAsync(Stop));
        Assert.Empty(pair.App.Calls);
    }

    [Fact]
    public async Task Further_segments_of_an_id_count_for_nothing()
    {
        await using var pair = await GuardedPair.StartAsync(isGrpcApp: false, GuardedPair.OnlyPublic, GuardedPair.CallerUri + "/replica/7");

        Assert.Equal("/public", await pair.Http.GetStringAsync("/v1.0/invoke/callee/method/public", Stop));
    }
}
