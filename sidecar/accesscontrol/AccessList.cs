using DaprK8s.Common.Identity;

namespace DaprK8s.Sidecar.AccessControl;

/// <summary>
/// Who may call what of the own app (contract: security 3.4). Immutable; a decision neither allocates nor waits.
/// </summary>
internal sealed class AccessList
{
    /// <summary>The verb of a call that has none: gRPC, or <c>InvokeService</c> without an HTTP extension.</summary>
    public const string NoVerb = "NONE";

    private readonly Dictionary<(string AppId, string Namespace), AppPolicy> policies;
    private readonly bool isHttpApp;

    public AccessList(bool isAllowedByDefault, string trustDomain, Dictionary<(string AppId, string Namespace), AppPolicy> policies, bool isHttpApp)
    {
        IsAllowedByDefault = isAllowedByDefault;
        TrustDomain = trustDomain;
        this.policies = policies;
        this.isHttpApp = isHttpApp;
    }

    /// <summary>The global default action.</summary>
    public bool IsAllowedByDefault { get; }

    /// <summary>The trust domain of the own app's identity.</summary>
    public string TrustDomain { get; }

    /// <summary>Judges a call.</summary>
    /// <param name="caller">Whom the peer's certificate names; <see langword="null"/> without one.</param>
    /// <param name="operation">The normalised method.</param>
    /// <param name="verb">The HTTP verb, upper case, or <see cref="NoVerb"/>.</param>
    public AccessDecision Decide(SpiffeId? caller, string operation, string verb)
    {
        if (caller is null || !policies.TryGetValue((caller.AppId, caller.Namespace), out var policy) || policy.TrustDomain != caller.TrustDomain)
        {
            return new AccessDecision(IsAllowedByDefault, IsByApp: false);
        }

        var running = policy.DefaultAction ?? IsAllowedByDefault;
        var allowed = policy.Operations.Find(operation) switch
        {
            null => running,
            var rule when !isHttpApp => rule.IsAllowed,

            // Without a verb no entry can be chosen; the policy's own default holds, and none of its own denies.
            _ when verb == NoVerb => policy.DefaultAction ?? false,
            var rule => rule.Covers(verb) ? rule.IsAllowed : running,
        };
        return new AccessDecision(allowed, policy.DefaultAction is not null);
    }
}
