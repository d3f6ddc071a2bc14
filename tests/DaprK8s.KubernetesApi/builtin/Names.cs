using System.Text.RegularExpressions;

namespace DaprK8s.KubernetesApi.BuiltIn;

/// <summary>Names of objects.</summary>
internal static partial class Names
{
    // The letters and digits that Kubernetes generates names of: no vowels, nothing that reads as another.
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>What a generated name ends with.</summary>
    public static string Suffix() => new(Random.Shared.GetItems(Letters.AsSpan(), 5));

    /// <summary>What is wrong with a name; or nothing.</summary>
    public static string? Problem(string qualifiedName, string name)
    {
        if (qualifiedName.EndsWith("rbac.authorization.k8s.io", StringComparison.Ordinal))
        {
            return name is "." or ".." || name.AsSpan().ContainsAny('/', '%') ? "may not contain '/' or '%'" : null;
        }

        if (qualifiedName is "namespaces" or "services")
        {
            return name.Length <= 63 && Label().IsMatch(name)
                ? null
                : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
        }

        return name.Length <= 253 && Subdomain().IsMatch(name)
            ? null
            : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    }

    /// <summary>Whether this can be the value of a label.</summary>
    public static bool IsLabelValue(string value) => value.Length <= 63 && LabelValue().IsMatch(value);

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Label();

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();
}
