using DaprK8s.Common.GrpcServer;
using DaprK8s.Common.Identity;
using DaprK8s.Common.Resources;
using Grpc.Core;

namespace DaprK8s.Operator.Api;

/// <summary>Who calls, by the certificate of its connection and nothing else (contract: k8s 2.6).</summary>
internal static class Caller
{
    /// <summary>The identity of a caller.</summary>
    /// <exception cref="RpcException">It has none of Dapr's form.</exception>
    public static SpiffeId Of(ServerCallContext context)
        => ((GrpcCall)context).Http.Features.Get<PeerVerdict>()?.Id ?? throw Denied("failed to determine identity");

    /// <summary>The identity of a caller that asks for what is in a namespace.</summary>
    /// <exception cref="RpcException">It is not of this namespace.</exception>
    public static SpiffeId Of(ServerCallContext context, string @namespace)
    {
        var id = Of(context);
        return @namespace.Length > 0 && @namespace == id.Namespace
            ? id : throw Denied($"identity does not match requested namespace exp={@namespace} got={id.Namespace}");
    }

    /// <summary>Whether a caller takes a resource without its Secrets, and the others beside it.</summary>
    /// <seealso cref="SecretProblems"/>
    public static bool TakesSecretProblems(ServerCallContext context) => context.RequestHeaders.GetValue(SecretProblems.Header) == SecretProblems.InDocument;

    /// <summary>A refusal.</summary>
    public static RpcException Denied(string message) => new(new Status(StatusCode.PermissionDenied, message));
}
