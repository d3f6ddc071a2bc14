namespace DaprK8s.Common.Resources;

/// <summary>The policies of one Resiliency, read and checked, with the defaults of the contract filled in (messaging 8.2).</summary>
public sealed class ResiliencyDefinitions
{
    /// <summary>Time-outs of an attempt, by name.</summary>
    public Dictionary<string, TimeSpan> Timeouts { get; } = new(StringComparer.Ordinal);

    /// <summary>Retry policies, by name.</summary>
    public Dictionary<string, RetryDefinition> Retries { get; } = new(StringComparer.Ordinal);

    /// <summary>Circuit breakers, by name.</summary>
    public Dictionary<string, CircuitBreakerDefinition> CircuitBreakers { get; } = new(StringComparer.Ordinal);
}

/// <summary>A retry policy.</summary>
/// <param name="IsExponential">Whether the waits grow; else they are all <paramref name="Duration"/>.</param>
/// <param name="Duration">The wait of a constant policy.</param>
/// <param name="MaxInterval">The longest wait of an exponential policy.</param>
/// <param name="MaxRetries">Attempts after the first; -1 without end.</param>
/// <param name="HttpStatusCodes">HTTP codes that are tried again; empty for all.</param>
/// <param name="GrpcStatusCodes">gRPC codes that are tried again; empty for all.</param>
public sealed record RetryDefinition(
    bool IsExponential, TimeSpan Duration, TimeSpan MaxInterval, int MaxRetries, IReadOnlyList<StatusCodeRange> HttpStatusCodes,
    IReadOnlyList<StatusCodeRange> GrpcStatusCodes);

/// <summary>Status codes, both ends included.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
public readonly record struct StatusCodeRange(int First, int Last)
{
    /// <summary>Whether a code is one of them.</summary>
    public bool Contains(int code) => code >= First && code <= Last;
}

/// <summary>A circuit breaker.</summary>
/// <param name="MaxRequests">Trial calls in half-open state.</param>
/// <param name="Interval">After which counts are cleared in closed state; zero for never.</param>
/// <param name="Timeout">From open to half-open.</param>
/// <param name="Trip">The CEL expression over the counts.</param>
public sealed record CircuitBreakerDefinition(int MaxRequests, TimeSpan Interval, TimeSpan Timeout, string Trip);
