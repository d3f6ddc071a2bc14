namespace DaprK8s.Common.Resources;

/// <summary>
/// How the operator tells of one resource that its Secrets can't be had. By the contract (k8s 2.7, 2.9) it fails the whole list and ends the
/// stream, and an app is without all its components for the fault of one. A sidecar that says in the header that it understands more gets
/// the resource even so, with the problem in a member beside <c>spec</c>; a sidecar that doesn't gets what the contract says.
/// </summary>
public static class SecretProblems
{
    /// <summary>The header of the sidecar's calls and streams.</summary>
    public const string Header = "daprk8s-secret-problems";

    /// <summary>What the header says.</summary>
    public const string InDocument = "in-document";

    /// <summary>The member of the document: a text that holds no secret.</summary>
    public const string Member = "secretProblem";
}
