namespace DaprK8s.Sentry.Rotation;

/// <summary>The times that the replacement of a root obeys.</summary>
/// <param name="CertificateLifetime">How long workload certificates live.</param>
/// <param name="ClockSkew">How far clocks may be apart.</param>
/// <param name="Propagation">How long a new root is to be public before anything is signed under it.</param>
/// <param name="IsAutomatic">Whether a generated root is replaced without asking.</param>
internal sealed record RotationPolicy(TimeSpan CertificateLifetime, TimeSpan ClockSkew, TimeSpan Propagation, bool IsAutomatic = true)
{
    /// <summary>The propagation time when none is configured.</summary>
    public static readonly TimeSpan DefaultPropagation = TimeSpan.FromDays(30);

    /// <summary>
    /// The least propagation time: within it each peer that learns the roots from its renewals has had one.
    /// </summary>
    public TimeSpan LeastPropagation => CertificateLifetime + ClockSkew;
}
