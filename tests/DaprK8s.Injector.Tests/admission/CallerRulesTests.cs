using DaprK8s.Injector.Admission;

namespace DaprK8s.Injector.Tests.Admission;

/// <summary>Who may have sidecars injected (contract: k8s 3.4).</summary>
public sealed class CallerRulesTests
{
    [Theory]
    [InlineData("kube-system:replicaset-controller")]
    [InlineData("kube-system:replication-controller")]
    [InlineData("kube-system:deployment-controller")]
    [InlineData("kube-system:cronjob-controller")]
    [InlineData("kube-system:job-controller")]
    [InlineData("kube-system:statefulset-controller")]
    [InlineData("kube-system:daemon-set-controller")]
    [InlineData("openshift-operator-lifecycle-manager:olm-operator-serviceaccount")]
    [InlineData("tekton-pipelines:tekton-pipelines-controller")]
    [InlineData("mirrord:mirrord-operator")]
    public void The_controllers_that_are_known_are_allowed(string account) => Assert.True(new CallerRules("", "").Allows(Account(account)));

    [Theory]
    [InlineData("*:*", "any:body", true)]
    [InlineData("vc-*:*", "vc-1:anybody", true)]
    [InlineData("vc-*:*", "my-vc-1:anybody", false)]
    [InlineData("ns:prefix-*", "ns:prefix-x", true)]
    [InlineData("ns:prefix-*", "ns2:prefix-x", false)]
    [InlineData("ns:a?c", "ns:abc", true)]
    [InlineData("ns:a?c", "ns:ac", false)]
    [InlineData("ns:[a-c]x", "ns:bx", true)]
    [InlineData("ns:[^a-c]x", "ns:bx", false)]
    [InlineData(" a:b , , c:d ", "c:d", true)]
    [InlineData("a:b", "a:bc", false)]
    public void Patterns_are_for_the_whole_namespace_and_the_whole_name(string patterns, string account, bool isAllowed)
    {
        Assert.Equal(isAllowed, new CallerRules(patterns, "").Allows(Account(account)));
        Assert.Equal(isAllowed, new CallerRules("", patterns).Allows(Account(account)));
    }

    [Theory]
    [InlineData("system:node:kube-system:replicaset-controller")]
    [InlineData("replicaset-controller")]
    [InlineData("system:serviceaccount:kube-system")]
    [InlineData("system:serviceaccount:kube-system:replicaset-controller:x")]
    [InlineData("")]
    public void Other_user_names_match_nothing(string username) => Assert.False(new CallerRules("*:*", "").Allows(new Caller(username, "", [])));

    [Fact]
    public void A_uid_of_the_list_is_allowed_and_an_empty_one_never()
    {
        var rules = new CallerRules("", "");
        rules.AllowUids(["u-1", ""]);
        Assert.True(rules.Allows(new Caller("somebody", "u-1", [])));
        Assert.False(rules.Allows(new Caller("somebody", "u-2", [])));
        Assert.False(rules.Allows(new Caller("somebody", "", [])));
    }

    [Fact]
    public void Administrators_are_allowed()
    {
        Assert.True(new CallerRules("", "").Allows(new Caller("alice", "", ["system:authenticated", "system:masters"])));
        Assert.False(new CallerRules("", "").Allows(new Caller("alice", "", ["system:authenticated"])));
    }

    [Fact]
    public void Uids_are_looked_up_for_the_known_and_the_allowed_but_not_for_the_deprecated_list()
    {
        var names = new CallerRules("ns:mine", "ns:old").Names;
        Assert.Contains("kube-system:job-controller", names);
        Assert.Contains("ns:mine", names);
        Assert.DoesNotContain("ns:old", names);
    }

    [Theory]
    [InlineData("ns", "invalid pattern \"ns\", must contain exactly one ':' separating namespace and name")]
    [InlineData("a:b:c", "invalid pattern \"a:b:c\", must contain exactly one ':' separating namespace and name")]
    [InlineData(":", "namespace and name patterns cannot both be empty")]
    [InlineData("[a:b", "invalid namespace pattern \"[a\": syntax error in pattern")]
    [InlineData("a:b\\", "invalid service account pattern \"b\\\": syntax error in pattern")]
    public void A_wrong_pattern_is_told(string patterns, string message)
    {
        Assert.Equal(message, Assert.Throws<FormatException>(() => new CallerRules(patterns, "")).Message);
        Assert.Equal(message, Assert.Throws<FormatException>(() => new CallerRules("", patterns)).Message);
    }

    private static Caller Account(string account) => new("system:serviceaccount:" + account, "", []);
}
