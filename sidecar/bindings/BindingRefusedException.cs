using DaprK8s.Sidecar.Resiliency;
using Grpc.Core;

namespace DaprK8s.Sidecar.Bindings;

/// <summary>The app did not take an event; the source may tell it again.</summary>
internal sealed class BindingRefusedException(string message, Exception? inner = null) : Exception(message, inner), ICodedFailure
{
    /// <inheritdoc/>
    public int? HttpStatus { get; init; }

    /// <inheritdoc/>
    public StatusCode? GrpcStatus { get; init; }
}
