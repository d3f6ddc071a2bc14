using System.Buffers;
using DaprK8s.Components;
using DaprK8s.Sidecar.Invocation;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>
/// Message metadata as headers of a delivery (contract: messaging 2.9, 2.10). Left out is what belongs to the connection,
/// to the body or to the sidecar itself, and what can't be written as a header: metadata is chosen by whoever publishes, and
/// must neither break a delivery nor pass for the sidecar's own headers.
/// </summary>
internal static class DeliveryHeaders
{
    private const string PubSubName = "pubsubName";
    private const string Expect = "expect";

    private static readonly SearchValues<char> NameChars =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>The headers of a message without metadata.</summary>
    public static IReadOnlyDictionary<string, string> Of(string pubsub) => new Dictionary<string, string>(1) { [PubSubName] = pubsub };

    /// <summary>The headers of a message.</summary>
    public static IReadOnlyDictionary<string, string> Of(string pubsub, BrokerMessage message)
    {
        var headers = Filter(message.Metadata);
        headers[PubSubName] = pubsub;
        return headers;
    }

    /// <summary>What of some metadata may go along as headers.</summary>
    public static Dictionary<string, string> Filter(IReadOnlyDictionary<string, string> metadata)
    {
        var headers = new Dictionary<string, string>(metadata.Count + 1, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in metadata)
        {
            if (IsForwarded(name) && !value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                headers[name] = value;
            }
        }

        return headers;
    }

    private static bool IsForwarded(string name)
        => name.Length > 0 && !name.AsSpan().ContainsAnyExcept(NameChars) && HeaderRules.PassesRequest(name)
            && !name.Equals(Expect, StringComparison.OrdinalIgnoreCase);
}
