namespace DaprK8s.Sidecar.AccessControl;

/// <summary>What holds for one operation of a policy.</summary>
/// <param name="IsAllowed">Its action.</param>
/// <param name="Verbs">The HTTP verbs to which the action applies, as written; <c>*</c> is all of them.</param>
internal sealed record OperationRule(bool IsAllowed, string[] Verbs)
{
    /// <summary>Whether the action applies to a verb of a request to an HTTP app.</summary>
    public bool Covers(string verb) => Verbs.AsSpan().Contains(verb) || Verbs.AsSpan().Contains("*");
}
