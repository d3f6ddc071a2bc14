using Grpc.Core;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>The id that a caller wrote: <c>app</c> or <c>app.namespace</c> (contract: messaging 5.3).</summary>
internal readonly record struct TargetName(string AppId, string Namespace)
{
    /// <summary>Splits an id.</summary>
    /// <exception cref="TransportException">It is empty or has more than one dot.</exception>
    public static TargetName Parse(string id, string ownNamespace)
    {
        if (id.Length == 0)
        {
            throw new TransportException(StatusCode.Internal, "app id is empty");
        }

        var dot = id.IndexOf('.');
        if (dot < 0)
        {
            return new TargetName(id, ownNamespace);
        }

        return id.IndexOf('.', dot + 1) < 0
            ? new TargetName(id[..dot], id[(dot + 1)..])
            : throw new TransportException(StatusCode.Internal, $"invalid app id {id}");
    }
}
