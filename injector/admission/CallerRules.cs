using System.Collections.Frozen;

namespace DaprK8s.Injector.Admission;

/// <summary>Who may have sidecars injected: the controllers that create pods, and administrators (contract: k8s 3.4).</summary>
internal sealed class CallerRules
{
    private const string AccountPrefix = "system:serviceaccount:";
    private const string Administrators = "system:masters";

    private static readonly string[] Controllers =
    [
        "kube-system:replicaset-controller",
        "kube-system:replication-controller",
        "kube-system:deployment-controller",
        "kube-system:cronjob-controller",
        "kube-system:job-controller",
        "kube-system:statefulset-controller",
        "kube-system:daemon-set-controller",
        "openshift-operator-lifecycle-manager:olm-operator-serviceaccount",
        "tekton-pipelines:tekton-pipelines-controller",
        "mirrord:mirrord-operator",
    ];

    private readonly List<CallerRule> rules;
    private FrozenSet<string> uids = FrozenSet<string>.Empty;

    /// <summary>Takes the lists of the process's environment.</summary>
    /// <param name="allowed"><c>ALLOWED_SERVICE_ACCOUNTS</c>.</param>
    /// <param name="deprecated"><c>ALLOWED_SERVICE_ACCOUNTS_PREFIX_NAMES</c>.</param>
    /// <exception cref="FormatException">A pattern is wrong.</exception>
    public CallerRules(string allowed, string deprecated)
    {
        rules = [.. Controllers.Concat(CallerRule.Split(allowed)).Concat(CallerRule.Split(deprecated)).Select(CallerRule.Parse)];
        Names = [.. Controllers.Concat(CallerRule.Split(allowed)).Distinct()];
    }

    /// <summary>The accounts, <c>namespace:name</c>, whose UIDs count as well; one that is a pattern is nobody's name.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Sets the UIDs of <see cref="Names"/>.</summary>
    public void AllowUids(IEnumerable<string> allowed) => uids = allowed.Where(u => u.Length > 0).ToFrozenSet();

    /// <summary>Judges a caller.</summary>
    public bool Allows(Caller caller) => IsAllowedAccount(caller.Username) || uids.Contains(caller.Uid) || caller.Groups.Contains(Administrators);

    private bool IsAllowedAccount(string username)
    {
        if (!username.StartsWith(AccountPrefix, StringComparison.Ordinal) || username.Split(':') is not [_, _, var ns, var name])
        {
            return false;
        }

        return rules.Exists(r => r.IsMatch(ns, name));
    }
}
