using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>Judges Resiliencies: what the sidecar can't read, and targets that name policies that are nowhere.</summary>
internal static class ResiliencyRules
{
    private const string BuiltIn = "DaprBuiltIn";

    /// <summary>Adds what is found in a resiliency.</summary>
    public static void Check(Resiliency resource, string @namespace, IClusterResources cluster, Findings findings)
    {
        ResiliencyReader.Read(resource, findings.Problems);
        foreach (var (path, sort, name) in ResiliencyReader.References(resource))
        {
            // Sidecars merge the resources of their namespace, so a policy may stand in another one.
            if (NamesOf(resource, sort).Contains(name) || (sort == "retries" && name.StartsWith(BuiltIn, StringComparison.Ordinal))
                || cluster.ResilienciesOf(@namespace).Any(r => r.Name != resource.Name && NamesOf(r, sort).Contains(name)))
            {
                continue;
            }

            findings.Refuse(path, $"there is no {GoQuote.Quote(name)} in spec.policies.{sort}{Suggestion.For(name, NamesOf(resource, sort))}");
        }

        foreach (var (name, retry) in resource.Spec.Policies.Retries ?? [])
        {
            CheckUse(retry, $"spec.policies.retries.{name}", findings);
        }
    }

    private static void CheckUse(RetryPolicy retry, string path, Findings findings)
    {
        if (retry.MaxInterval is { Length: > 0 } && (retry.Policy ?? "").ToLowerInvariant() is "" or "constant")
        {
            findings.Warn(path + ".maxInterval", "has no effect with the policy constant; use duration, or the policy exponential");
        }
        else if (retry.Duration is { Length: > 0 } && "exponential".Equals(retry.Policy, StringComparison.OrdinalIgnoreCase))
        {
            findings.Warn(path + ".duration", "has no effect with the policy exponential, whose waits begin at 500ms; maxInterval bounds them");
        }
    }

    private static IReadOnlyCollection<string> NamesOf(Resiliency resource, string sort)
        => sort switch
        {
            "timeouts" => resource.Spec.Policies.Timeouts?.Keys,
            "retries" => resource.Spec.Policies.Retries?.Keys,
            _ => (IReadOnlyCollection<string>?)resource.Spec.Policies.CircuitBreakers?.Keys,
        } ?? [];
}
