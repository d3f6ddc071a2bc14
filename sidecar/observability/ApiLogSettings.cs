using DaprK8s.Common.Resources;

namespace DaprK8s.Sidecar.Observability;

/// <summary>What the API log tells (contract: operations 5.3).</summary>
internal sealed record ApiLogSettings(bool IsEnabled, bool ObfuscatesUrls = false, bool OmitsHealthChecks = false)
{
    public static ApiLogSettings Off { get; } = new(false);

    /// <summary>A flag that was given counts more than the Configuration.</summary>
    public static ApiLogSettings Of(bool? flag, ApiLoggingSpec? spec)
        => new(flag ?? spec?.Enabled ?? false, spec?.ObfuscateURLs ?? false, spec?.OmitHealthChecks ?? false);
}
