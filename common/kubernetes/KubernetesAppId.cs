namespace DaprK8s.Common.Kubernetes;

/// <summary>What may be an app id on Kubernetes: with <c>-dapr</c> appended it names a Service (contract: k8s 2.10).</summary>
public static class KubernetesAppId
{
    private const string ServiceSuffix = "-dapr";
    private const int MaxLabelLength = 63;

    /// <summary>The Service that stands for an app.</summary>
    public static string ServiceName(string appId) => appId + ServiceSuffix;

    /// <summary>Judges an app id.</summary>
    /// <returns>Why it can't be one, in the words of the contract, or <see langword="null"/>.</returns>
    public static string? Refusal(string? appId)
    {
        if (string.IsNullOrEmpty(appId))
        {
            return $"value for the {DaprAnnotations.AppId} annotation is empty";
        }

        var service = ServiceName(appId);
        var isTooLong = service.Length > MaxLabelLength;
        var isMalformed = !IsLabel(service);
        return isTooLong || isMalformed
            ? $"invalid app id (input: '{appId}', service: '{service}'): {(isTooLong ? "must be no more than 63 characters" : "")}{(isTooLong && isMalformed ? "\n" : "")}{(isMalformed ? "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')" : "")}"
            : null;
    }

    private static bool IsLabel(string text)
    {
        foreach (var c in text)
        {
            if (!IsAlphanumeric(c) && c != '-')
            {
                return false;
            }
        }

        return IsAlphanumeric(text[0]) && IsAlphanumeric(text[^1]);
    }

    private static bool IsAlphanumeric(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9');
}
