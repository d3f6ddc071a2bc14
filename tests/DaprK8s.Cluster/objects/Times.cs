using System.Globalization;

namespace DaprK8s.Cluster.Objects;

/// <summary>Times as Kubernetes writes them.</summary>
internal static class Times
{
    public static string Now => Of(DateTimeOffset.UtcNow);

    public static string Of(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    public static DateTimeOffset? Read(string? text)
        => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
}
