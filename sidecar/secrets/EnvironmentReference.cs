namespace DaprK8s.Sidecar.Secrets;

/// <summary>Which variables of the sidecar's environment resources may refer to (contract: security 4.9).</summary>
internal static class EnvironmentReference
{
    /// <summary>Names the variables that may be read, separated by spaces; every one when it is not set.</summary>
    public const string AllowListVariable = "DAPR_ENV_KEYS";

    /// <summary>Whether a resource may read a variable. The sidecar's own settings and tokens are never readable.</summary>
    /// <param name="name">The variable as the resource names it.</param>
    /// <param name="allowList">The value of <see cref="AllowListVariable"/>.</param>
    public static bool IsAllowed(string name, string? allowList)
    {
        var upper = name.ToUpperInvariant();
        if (upper is "" or "APP_API_TOKEN" || upper.StartsWith("DAPR_", StringComparison.Ordinal) || upper.AsSpan().IndexOfAny(' ', '\0') >= 0)
        {
            return false;
        }

        return string.IsNullOrEmpty(allowList) || allowList.Split(' ').Contains(upper, StringComparer.Ordinal);
    }
}
