using DaprK8s.Sidecar.Resiliency;
using Grpc.Core;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>The app has answered, but not with what means that it has taken the update.</summary>
internal sealed class AppRefusedException(string message, int status) : Exception(message), ICodedFailure
{
    /// <inheritdoc/>
    public int? HttpStatus => status >= 100 ? status : null;

    /// <inheritdoc/>
    public StatusCode? GrpcStatus => status < 100 ? (StatusCode)status : null;
}
