using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges the access control of a Configuration (contract: operations 2.11).</summary>
internal static class AccessControlRules
{
    private const string Path = "spec.accessControl";

    /// <summary>Adds what is found.</summary>
    public static void Check(AccessControlSpec? access, Findings findings)
    {
        if (access is null)
        {
            return;
        }

        CheckAction(access.DefaultAction, Path + ".defaultAction", findings);
        var policies = access.Policies ?? [];
        if (policies.Count > 0 && string.IsNullOrEmpty(access.DefaultAction))
        {
            findings.Warn(Path + ".defaultAction", "is empty, so every app without a policy is denied; say allow or deny");
        }

        foreach (var (index, policy) in policies.Index())
        {
            var path = $"{Path}.policies[{index}]";
            Require(policy.AppId, path + ".appId", policy, findings);
            Require(policy.TrustDomain, path + ".trustDomain", policy, findings);
            Require(policy.Namespace, path + ".namespace", policy, findings);
            CheckAction(policy.DefaultAction, path + ".defaultAction", findings);
            foreach (var (number, operation) in (policy.Operations ?? []).Index())
            {
                CheckAction(operation.Action, $"{path}.operations[{number}].action", findings);
                if (operation.HttpVerb?.Find(v => v.Any(char.IsAsciiLetterLower)) is { } verb)
                {
                    findings.Warn($"{path}.operations[{number}].httpVerb", $"{GoQuote.Quote(verb)} matches nothing, verbs are in capitals");
                }
            }
        }
    }

    /// <summary>Adds a problem for a word that is neither allow nor deny.</summary>
    public static void CheckAction(string? action, string path, Findings findings)
    {
        if (action is { Length: > 0 } && action.ToLowerInvariant() is not ("allow" or "deny"))
        {
            findings.Refuse(path, $"must be allow or deny, is {GoQuote.Quote(action)}");
        }
    }

    private static void Require(string? value, string path, AppPolicySpec policy, Findings findings)
    {
        if (string.IsNullOrEmpty(value))
        {
            findings.Refuse(policy.AppId.Length > 0 ? $"{path} ({policy.AppId})" : path, "must be given, or sidecars do not start");
        }
    }
}
