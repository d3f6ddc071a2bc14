using System.Globalization;

namespace DaprK8s.Sidecar.State;

/// <summary>How an item's expiry shows in response metadata (contract: components 3.1).</summary>
internal static class StateExpiry
{
    public const string Key = "ttlExpireTime";

    /// <summary>RFC 3339, UTC, whole seconds.</summary>
    public static string Format(DateTimeOffset expires)
        => expires.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
