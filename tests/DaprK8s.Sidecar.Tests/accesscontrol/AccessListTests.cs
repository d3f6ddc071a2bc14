using DaprK8s.Common.Identity;
using DaprK8s.Common.Metrics;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>Decisions, and what is told and counted of them.</summary>
public sealed class AccessListTests
{
    private static readonly SpiffeId Caller = new("public", "default", "caller");
    private readonly MetricsRegistry registry = new(new MetricsOptions(), NullLogger.Instance);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_an_identity_the_global_default_decides(bool allowed)
        => Assert.Equal(new AccessDecision(allowed, IsByApp: false), List(allowed, Policy(!allowed)).Decide(null, "x", "GET"));

    [Theory]
    [InlineData("public", "default", "other")]
    [InlineData("public", "other", "caller")]
    [InlineData("other", "default", "caller")]
    [InlineData("public", "default", "Caller")]
    [InlineData("public", "default", "caller||default")]
    public void Without_a_policy_that_fits_the_global_default_decides(string trustDomain, string @namespace, string appId)
    {
        foreach (var allowed in new[] { true, false })
        {
            Assert.Equal(
                new AccessDecision(allowed, IsByApp: false), List(allowed, Policy(!allowed)).Decide(new SpiffeId(trustDomain, @namespace, appId), "x", "GET"));
        }
    }

    [Theory]
    [InlineData(true, null, true, false)]
    [InlineData(false, null, false, false)]
    [InlineData(false, true, true, true)]
    [InlineData(true, false, false, true)]
    public void Without_an_operation_that_fits_the_policy_decides_or_else_the_global_default(bool global, bool? policy, bool allowed, bool byApp)
        => Assert.Equal(new AccessDecision(allowed, byApp), List(global, Policy(policy, ("/op", true, ["*"]))).Decide(Caller, "/else", "GET"));

    [Theory]
    [InlineData("GET", true)]
    [InlineData("POST", true)]
    [InlineData("PUT", false)]
    [InlineData("DELETE", false)]
    [InlineData("PATCH", false)]
    public void For_an_HTTP_app_an_operation_counts_for_its_verbs_as_they_are_written(string verb, bool allowed)
        => Assert.Equal(allowed, List(false, Policy(false, ("/op", true, ["GET", "POST", "put", "Delete"]))).Decide(Caller, "op", verb).IsAllowed);

    [Fact]
    public void A_star_stands_for_every_verb_and_no_verbs_for_none()
    {
        Assert.True(List(false, Policy(false, ("/op", true, ["*"]))).Decide(Caller, "op", "TRACE").IsAllowed);
        Assert.False(List(true, Policy(true, ("/op", false, ["*"]))).Decide(Caller, "op", "TRACE").IsAllowed);
        Assert.False(List(false, Policy(false, ("/op", true, []))).Decide(Caller, "op", "GET").IsAllowed);
        Assert.True(List(false, Policy(true, ("/op", false, []))).Decide(Caller, "op", "GET").IsAllowed);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(null, false)]
    public void A_call_of_an_HTTP_app_without_a_verb_gets_the_default_of_the_policy_itself(bool? policy, bool allowed)
        => Assert.Equal(allowed, List(true, Policy(policy, ("/op", true, ["*"]))).Decide(Caller, "op", AccessList.NoVerb).IsAllowed);

    [Fact]
    public void For_a_gRPC_app_the_action_counts_and_verbs_do_not()
    {
        var list = List(
            false, Policy(false, ("/pkg.Service/Method", true, ["GET"]), ("Bare", true, [])), isHttp: false);

        Assert.True(list.Decide(Caller, "/pkg.Service/Method", AccessList.NoVerb).IsAllowed);
        Assert.True(list.Decide(Caller, "Bare", AccessList.NoVerb).IsAllowed);
        Assert.False(list.Decide(Caller, "/pkg.service/method", AccessList.NoVerb).IsAllowed);
        Assert.False(list.Decide(Caller, "/pkg.Service/Other", AccessList.NoVerb).IsAllowed);
    }

    [Fact]
    public void An_operation_that_decides_counts_for_the_policy_only_if_that_has_a_default_of_its_own()
    {
        Assert.Equal(new AccessDecision(true, IsByApp: false), List(false, Policy(null, ("/op", true, ["*"]))).Decide(Caller, "op", "GET"));
        Assert.Equal(new AccessDecision(true, IsByApp: true), List(false, Policy(false, ("/op", true, ["*"]))).Decide(Caller, "op", "GET"));
    }

    [Fact]
    public void A_decision_allocates_nothing()
    {
        var list = List(false, Policy(false, ("/Orders/*", true, ["GET"]), ("/a*b/**", true, ["*"])));
        list.Decide(Caller, "/orders/7", "GET");

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            list.Decide(Caller, "/orders/7", "GET");
            list.Decide(Caller, "AxB/c/d", "POST");
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_denial_names_the_caller_the_operation_and_the_verb_and_no_rule()
    {
        var gate = Gate(List(false, Policy(false, ("/op", false, ["*"]))));

        Assert.Equal(
            "access control policy has denied access to id: spiffe://public/ns/default/caller operation: Op verb: GET",
            gate.Refuse(new PeerIdentity(Caller, null), "Op", "GET"));
        Assert.Equal("access control policy has denied access to id:  operation: /op verb: NONE", gate.Refuse(default, "/op", "NONE"));
    }

    [Fact]
    public void A_certificate_that_names_nobody_is_refused_with_what_is_wrong_even_where_everything_is_allowed()
        => Assert.Equal(
            "malformed SPIFFE ID: spiffe://public/x", Gate(List(true)).Refuse(new PeerIdentity(null, "malformed SPIFFE ID: spiffe://public/x"), "x", "GET"));

    [Fact]
    public void Without_an_access_list_everything_passes() => Assert.Null(Gate(null).Refuse(new PeerIdentity(null, "malformed"), "x", "GET"));

    [Fact]
    public async Task Decisions_are_counted_by_caller()
    {
        var byApp = Gate(List(false, Policy(false, ("/op", true, ["*"]))));
        var peer = new PeerIdentity(Caller, null);
        byApp.Refuse(peer, "op", "GET");
        byApp.Refuse(peer, "else", "GET");
        byApp.Refuse(default, "op", "GET");
        Assert.Null(byApp.Refuse(peer, "op", "GET"));

        using var page = new MemoryStream();
        await registry.WriteAsync(page, CancellationToken.None);
        var lines = System.Text.Encoding.UTF8.GetString(page.ToArray()).Split('\n');

        const string labels = """{app_id="caller",trustDomain="public",namespace="default"}""";
        Assert.Contains($"dapr_runtime_acl_app_policy_action_allowed_total{labels} 2", lines);
        Assert.Contains($"dapr_runtime_acl_app_policy_action_blocked_total{labels} 1", lines);
        Assert.Contains("""dapr_runtime_acl_global_policy_action_blocked_total{app_id="",trustDomain="",namespace=""} 1""", lines);
        Assert.DoesNotContain(lines, l => l.StartsWith("dapr_runtime_acl_global_policy_action_allowed_total{", StringComparison.Ordinal));
    }

    private AccessGate Gate(AccessList? list) => new(list, new AccessMetrics(registry), NullLogger.Instance);

    private static AccessList List(bool allowed, AppPolicySpec? policy = null, bool isHttp = true)
        => AccessListReader.Read(
            new AccessControlSpec { DefaultAction = allowed ? "allow" : "deny", TrustDomain = "public", Policies = policy is null ? null : [policy] },
            isHttp,
            NullLogger.Instance)!;

    private static AppPolicySpec Policy(bool? defaultAction, params (string Name, bool Allowed, string[] Verbs)[] operations) => new()
    {
        AppId = "caller",
        Namespace = "default",
        TrustDomain = "public",
        DefaultAction = defaultAction is { } action ? action ? "allow" : "deny" : null,
        Operations = [.. operations.Select(o => new AppOperationSpec { Name = o.Name, HttpVerb = [.. o.Verbs], Action = o.Allowed ? "allow" : "deny" })],
    };
}
