using DaprK8s.Common.Identity;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.AccessControl;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Tests.AccessControl;

/// <summary>From the files that a user writes, through the built-in defaults, to the access list.</summary>
public sealed class AccessListReaderTests : ILogger
{
    private readonly List<string> warnings = [];

    [Fact]
    public void No_block_allows_everything_to_everybody()
    {
        var list = Read("tracing: {}");

        Assert.NotNull(list);
        Assert.Equal((true, "public"), (list.IsAllowedByDefault, list.TrustDomain));
    }

    [Theory]
    [InlineData("accessControl: {}", true)]
    [InlineData("accessControl: {trustDomain: td}", true)]
    [InlineData("accessControl: {policies: [{appId: a, trustDomain: public, namespace: default, defaultAction: deny}]}", true)]
    [InlineData("accessControl: {defaultAction: allow}", true)]
    [InlineData("accessControl: {defaultAction: ALLOW}", true)]
    [InlineData("accessControl: {defaultAction: deny}", false)]
    [InlineData("accessControl: {defaultAction: alow}", false)]
    [InlineData("accessControl: {defaultAction: ' allow'}", false)]
    [InlineData("accessControl: {defaultAction: }", true)]
    [InlineData("accessControl: {defaultAction: ''}", false)]
    [InlineData("accessControl: {defaultAction: '', policies: }", false)]
    [InlineData("accessControl: {defaultAction: '', policies: []}", true)]
    [InlineData("accessControl: {defaultAction: '', policies: [{appId: a, trustDomain: public, namespace: default, defaultAction: allow}]}", false)]
    public void The_global_default_is_what_the_files_leave_of_the_built_in_one(string spec, bool allowed)
        => Assert.Equal(allowed, Read(spec)!.IsAllowedByDefault);

    [Theory]
    [InlineData("accessControl: {defaultAction: '', trustDomain: ''}")]
    [InlineData("accessControl: {defaultAction: '', trustDomain: '', policies: []}")]
    [InlineData("accessControl: ")]
    public void A_block_emptied_of_everything_is_no_access_list(string spec) => Assert.Null(Read(spec));

    [Fact]
    public void Taking_the_default_action_away_is_warned_about()
    {
        Read("accessControl: {defaultAction: '', policies: []}");
        Assert.Empty(warnings);

        Read("accessControl: {defaultAction: ''}");
        Assert.Equal(["No global default action has been specified. Setting default global action as Deny"], warnings);
    }

    [Theory]
    [InlineData("{trustDomain: td}", "td")]
    [InlineData("{trustDomain: ''}", "public")]
    [InlineData("{}", "public")]
    public void A_trust_domain_that_is_left_empty_is_the_public_one(string block, string expected)
        => Assert.Equal(expected, Read("accessControl: " + block)!.TrustDomain);

    [Fact]
    public void A_later_file_wins_field_by_field_and_variables_are_filled_in()
    {
        var list = Read(
            "accessControl: {defaultAction: deny, trustDomain: first, policies: [{appId: a, trustDomain: first, namespace: default, defaultAction: allow}]}",
            "accessControl: {trustDomain: $TD, policies: [{appId: b, trustDomain: '${TD}', namespace: default, defaultAction: allow}]}");

        Assert.Equal((false, "filled-in"), (list!.IsAllowedByDefault, list.TrustDomain));
        Assert.True(list.Decide(new SpiffeId("filled-in", "default", "b"), "x", "GET").IsAllowed);
        Assert.False(list.Decide(new SpiffeId("first", "default", "a"), "x", "GET").IsAllowed);
    }

    [Fact]
    public void A_policy_that_does_not_say_whom_it_is_about_ends_the_start()
    {
        var e = Assert.Throws<FatalException>(() => Read("""
            accessControl:
              policies:
              - {appId: complete, trustDomain: public, namespace: default}
              - {appId: a, namespace: default}
              - {appId: b, trustDomain: '', namespace: ''}
              - {appId: c, trustDomain: public}
              - {trustDomain: public, namespace: default}
            """));

        Assert.Equal(
            "invalid access control spec. missing trustdomain for apps: [a b], missing namespace for apps: [b c], missing app name on at least one of the app policies: true",
            e.Message);
    }

    [Theory]
    [InlineData(
        "[{appId: a, trustDomain: public}]",
        "invalid access control spec. missing trustdomain for apps: [], missing namespace for apps: [a], missing app name on at least one of the app policies: false")]
    [InlineData(
        "[null]",
        "invalid access control spec. missing trustdomain for apps: [], missing namespace for apps: [], missing app name on at least one of the app policies: true")]
    [InlineData(
        "[{app: old, trustDomain: public, namespace: default}]",
        "invalid access control spec. missing trustdomain for apps: [], missing namespace for apps: [], missing app name on at least one of the app policies: true")]
    public void Nothing_else_is_said_to_be_missing(string policies, string message)
        => Assert.Equal(message, Assert.Throws<FatalException>(() => Read("accessControl: {policies: " + policies + "}")).Message);

    [Fact]
    public void The_same_app_may_have_a_policy_in_each_namespace_and_a_later_duplicate_replaces_the_earlier()
    {
        var list = Read("""
            accessControl:
              defaultAction: deny
              policies:
              - {appId: a, trustDomain: public, namespace: one, defaultAction: deny, operations: [{name: /x, httpVerb: ['*'], action: allow}]}
              - {appId: a, trustDomain: public, namespace: two, defaultAction: deny}
              - {appId: a, trustDomain: public, namespace: one, defaultAction: deny, operations: [{name: /y, httpVerb: ['*'], action: allow}]}
            """)!;

        Assert.Equal([false, true], new[] { "x", "y" }.Select(o => list.Decide(new SpiffeId("public", "one", "a"), o, "GET").IsAllowed));
        Assert.Equal([false, false], new[] { "x", "y" }.Select(o => list.Decide(new SpiffeId("public", "two", "a"), o, "GET").IsAllowed));
    }

    [Theory]
    [InlineData(true, "/ORDERS", true)]
    [InlineData(true, "orders", true)]
    [InlineData(false, "/Orders", true)]
    [InlineData(false, "Orders", true)]
    [InlineData(false, "/orders", false)]
    public void Names_lose_their_case_for_an_HTTP_app_only_and_may_lack_the_slash(bool isHttp, string operation, bool allowed)
    {
        var list = Read(
            isHttp, "accessControl: {defaultAction: deny, policies: [{appId: a, trustDomain: public, namespace: default, operations: [{name: Orders, httpVerb: ['*'], action: Allow}]}]}")!;

        Assert.Equal(allowed, list.Decide(new SpiffeId("public", "default", "a"), operation, isHttp ? "GET" : AccessList.NoVerb).IsAllowed);
    }

    [Fact]
    public void Entries_left_empty_deny_and_break_nothing()
    {
        var list = Read("accessControl: {policies: [{appId: a, trustDomain: public, namespace: default, operations: [null, {}, {name: /x, httpVerb: [null, '*']}]}]}")!;

        Assert.False(list.Decide(new SpiffeId("public", "default", "a"), "/x", "GET").IsAllowed);
        Assert.True(list.Decide(new SpiffeId("public", "default", "a"), "/z", "GET").IsAllowed);
    }

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        => warnings.Add(formatter(state, exception));

    private AccessList? Read(params string[] specs) => Read(isHttp: true, specs);

    private AccessList? Read(bool isHttp, params string[] specs)
    {
        var directory = Directory.CreateTempSubdirectory("daprk8s-acl-");
        try
        {
            var files = specs.Select((spec, i) =>
            {
                var file = Path.Combine(directory.FullName, $"{i}.yaml");
                File.WriteAllText(
                    file, $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: test\nspec:\n  {spec.Replace("\n", "\n  ", StringComparison.Ordinal)}\n");
                return file;
            }).ToList();
            var configuration = ConfigurationFiles.Load(files, name => name == "TD" ? "filled-in" : null);
            return AccessListReader.Read(configuration.Spec.AccessControl, isHttp, this);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
