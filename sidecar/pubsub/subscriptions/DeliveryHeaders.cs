using System.Buffers;
using System.Collections.Frozen;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Message metadata as headers of a delivery (contract: messaging 2.9, 2.10). Left out is what belongs to the connection,
/// to the body or to the sidecar itself, and what can't be written as a header: metadata is chosen by whoever publishes, and
/// must neither break a delivery nor pass for the sidecar's own headers.
/// </summary>
internal static class DeliveryHeaders
{
    private const string PubSubName = "pubsubName";

    private static readonly FrozenSet<string> NotForwarded = FrozenSet.Create(
        StringComparer.OrdinalIgnoreCase,
        PubSubName, "content-length", "content-type", "traceparent", "tracestate", "grpc-trace-bin", "dapr-api-token", "host", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect");

    private static readonly SearchValues<char> NameChars =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private static readonly SearchValues<char> GrpcNameChars =
        SearchValues.Create("-._0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>The headers of a message without metadata.</summary>
    public static IReadOnlyDictionary<string, string> Of(string pubsub) => new Dictionary<string, string>(1) { [PubSubName] = pubsub };

    /// <summary>The headers of a message.</summary>
    public static IReadOnlyDictionary<string, string> Of(string pubsub, BrokerMessage message, bool forGrpc)
    {
        var headers = new Dictionary<string, string>(message.Metadata.Count + 1, StringComparer.OrdinalIgnoreCase) { [PubSubName] = pubsub };
        foreach (var (name, value) in message.Metadata)
        {
            if (!NotForwarded.Contains(name) && IsName(name, forGrpc) && !value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                headers[name] = value;
            }
        }

        return headers;
    }

    private static bool IsName(string name, bool forGrpc)
        => name.Length > 0 && (forGrpc
            ? !name.AsSpan().ContainsAnyExcept(GrpcNameChars) && !name.EndsWith("-bin", StringComparison.OrdinalIgnoreCase)
                && !name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase)
            : !name.AsSpan().ContainsAnyExcept(NameChars));
}
