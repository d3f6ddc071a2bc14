using DaprK8s.Common.Identity;
using DaprK8s.Common.Resources;
using DaprK8s.Sidecar.Runtime;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.AccessControl;

/// <summary>Reads <c>spec.accessControl</c> of a Configuration (contract: security 3.2).</summary>
internal static partial class AccessListReader
{
    /// <summary>The access list, or nothing when everybody may call everything and nobody asks.</summary>
    /// <param name="spec">The block, laid over the built-in default already.</param>
    /// <param name="isHttpApp">Whether the own app speaks HTTP.</param>
    /// <param name="logger">Told about what is not as it was written.</param>
    /// <exception cref="FatalException">A policy does not say whom it is about.</exception>
    public static AccessList? Read(AccessControlSpec? spec, bool isHttpApp, ILogger logger)
    {
        if (spec is null || (spec.TrustDomain is "" && spec.DefaultAction is "" && spec.Policies is null or []))
        {
            return null;
        }

        Validate(spec.Policies);
        var policies = new Dictionary<(string, string), AppPolicy>();
        foreach (var policy in spec.Policies ?? [])
        {
            policies[(policy.AppId, policy.Namespace!)] = new AppPolicy(
                policy.TrustDomain!, string.IsNullOrEmpty(policy.DefaultAction) ? null : IsAllow(policy.DefaultAction), ReadOperations(policy, isHttpApp));
        }

        return new AccessList(
            ReadDefault(spec, logger), string.IsNullOrEmpty(spec.TrustDomain) ? SpiffeId.PublicTrustDomain : spec.TrustDomain, policies, isHttpApp);
    }

    // Left out, it is what the built-in default says; only an empty text that somebody wrote takes that away.
    private static bool ReadDefault(AccessControlSpec spec, ILogger logger)
    {
        if (spec.DefaultAction is not "")
        {
            return spec.DefaultAction is null || IsAllow(spec.DefaultAction);
        }

        if (spec.Policies is [])
        {
            return true;
        }

        LogDeny(logger);
        return false;
    }

    private static OperationTree ReadOperations(AppPolicySpec policy, bool isHttpApp)
    {
        var tree = new OperationTree(ignoreCase: isHttpApp);
        foreach (var operation in policy.Operations ?? [])
        {
            tree.Add(operation?.Name ?? "", new OperationRule(IsAllow(operation?.Action), [.. operation?.HttpVerb ?? []]));
        }

        return tree;
    }

    private static void Validate(List<AppPolicySpec>? policies)
    {
        List<string> withoutTrustDomain = [];
        List<string> withoutNamespace = [];
        var isNameMissing = false;
        foreach (var policy in policies ?? [])
        {
            isNameMissing |= string.IsNullOrEmpty(policy?.AppId);
            if (string.IsNullOrEmpty(policy?.TrustDomain))
            {
                withoutTrustDomain.Add(policy?.AppId ?? "");
            }

            if (string.IsNullOrEmpty(policy?.Namespace))
            {
                withoutNamespace.Add(policy?.AppId ?? "");
            }
        }

        if (withoutTrustDomain.Count > 0 || withoutNamespace.Count > 0 || isNameMissing)
        {
            throw new FatalException(
                $"invalid access control spec. missing trustdomain for apps: [{string.Join(' ', withoutTrustDomain)}], "
                + $"missing namespace for apps: [{string.Join(' ', withoutNamespace)}], "
                + $"missing app name on at least one of the app policies: {(isNameMissing ? "true" : "false")}");
        }
    }

    private static bool IsAllow(string? action) => string.Equals(action, "allow", StringComparison.OrdinalIgnoreCase);

    [LoggerMessage(LogLevel.Warning, "No global default action has been specified. Setting default global action as Deny")]
    private static partial void LogDeny(ILogger logger);
}
