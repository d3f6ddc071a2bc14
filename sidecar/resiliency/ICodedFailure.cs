using Grpc.Core;

namespace DaprK8s.Sidecar.Resiliency;

/// <summary>
/// An exception that carries the code which a policy's <c>matching</c> rules compare. A failure without one is always
/// retried (contract: messaging 1.11).
/// </summary>
internal interface ICodedFailure
{
    /// <summary>Compared with <c>httpStatusCodes</c>.</summary>
    int? HttpStatus { get; }

    /// <summary>Compared with <c>gRPCStatusCodes</c>.</summary>
    StatusCode? GrpcStatus { get; }
}
