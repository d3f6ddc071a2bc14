using DaprK8s.Common.Resources;
using DaprK8s.Common.Text;

namespace DaprK8s.Sentry.Server;

/// <summary>The Configuration can't be used; fatal.</summary>
internal sealed class ConfigurationException(string message) : Exception(message);

/// <summary>What sentry takes from the Configuration (contract: security 1.16).</summary>
/// <param name="CertificateLifetime">Lifetime of workload certificates.</param>
/// <param name="ClockSkew">How far clocks may be apart.</param>
/// <param name="TokenValidators">Validators to switch on.</param>
internal sealed record SentryConfiguration(TimeSpan CertificateLifetime, TimeSpan ClockSkew, IReadOnlyList<TokenValidatorSpec> TokenValidators)
{
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromHours(24);
    private static readonly TimeSpan DefaultSkew = TimeSpan.FromMinutes(15);

    /// <summary>Reads the <c>mtls</c> block.</summary>
    /// <exception cref="ConfigurationException">A duration is none.</exception>
    public static SentryConfiguration Read(MtlsSpec? mtls)
    {
        var lifetime = Duration("WorkloadCertTTL", mtls?.WorkloadCertTTL, DefaultLifetime);
        return new SentryConfiguration(
            lifetime > TimeSpan.Zero ? lifetime : throw new ConfigurationException("error parsing WorkloadCertTTL duration: it must be positive"),
            Duration("AllowedClockSkew", mtls?.AllowedClockSkew, DefaultSkew),
            mtls?.TokenValidators ?? []);
    }

    private static TimeSpan Duration(string name, string? text, TimeSpan @default)
        => text is not { Length: > 0 } ? @default
            : GoDuration.TryParse(text, out var duration) && duration >= TimeSpan.Zero ? duration
            : throw new ConfigurationException($"error parsing {name} duration: {text} is no duration such as 24h");
}
