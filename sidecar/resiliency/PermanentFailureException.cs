namespace DaprK8s.Sidecar.Resiliency;

/// <summary>
/// An attempt's way to say that no further attempt can mend its failure: a policy lets it out at once, without a retry. The
/// building block that threw it unwraps <see cref="Exception.InnerException"/>.
/// </summary>
internal sealed class PermanentFailureException(Exception cause) : Exception(cause.Message, cause)
{
    /// <summary>What happened, without the wrapping.</summary>
    public static Exception Unwrap(Exception failure) => failure is PermanentFailureException { InnerException: { } cause } ? cause : failure;
}
