using System.Buffers;
using System.Collections.Frozen;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>Which headers pass an invocation and under which names (contract: messaging 5.6, security 4.10).</summary>
internal static class HeaderRules
{
    public const string CallerAppId = "dapr-caller-app-id";
    public const string CallerNamespace = "dapr-caller-namespace";
    public const string CalleeAppId = "dapr-callee-app-id";
    public const string DestinationAppId = "destination-app-id";
    public const string AppId = "dapr-app-id";
    public const string ApiToken = "dapr-api-token";

    private static readonly SearchValues<char> TokenCharacters
        = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> ControlCharacters
        = SearchValues.Create([.. Enumerable.Range(0, 32).Where(c => c != '\t').Select(c => (char)c), '\x7f']);

    private static readonly FrozenSet<string> HopByHop = new[]
    {
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings", "te", "trailer",
        "proxy-authorization", "proxy-authenticate",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    // Carried apart, regenerated, or set by the sidecar itself.
    private static readonly FrozenSet<string> Own = new[]
    {
        "content-type", "content-length", "host", "traceparent", "tracestate", "grpc-trace-bin", "baggage",
        AppId, ApiToken, CallerAppId, CallerNamespace, CalleeAppId, DestinationAppId,
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    // Names that gRPC gives a meaning of its own; they reach a gRPC app with a prefix.
    private static readonly FrozenSet<string> Permanent = new[]
    {
        "accept", "accept-charset", "accept-language", "accept-ranges", "authorization", "cache-control", "connection", "content-length",
        "content-type", "cookie", "date", "expect", "from", "host", "if-match", "if-modified-since", "if-none-match",
        "if-schedule-tag-match", "if-unmodified-since", "keep-alive", "max-forwards", "origin", "pragma", "proxy-connection",
        "referer", "transfer-encoding", "upgrade", "via", "warning",
    }.Except(["authorization"]).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a request header travels to the target as it is.</summary>
    public static bool PassesRequest(string name) => PassesMetadata(name) && !IsBinary(name);

    /// <summary>The same for metadata of a gRPC caller or a peer, which may be binary; only gRPC apps get that.</summary>
    public static bool PassesMetadata(string name) => name.Length > 0 && !HopByHop.Contains(name) && !Own.Contains(name) && name[0] != ':';

    /// <summary>Whether a header concerns one connection only and never goes further.</summary>
    public static bool IsHopByHop(string name) => HopByHop.Contains(name);

    /// <summary>Whether the value is bytes in base64.</summary>
    public static bool IsBinary(string name) => name.EndsWith("-bin", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a response header travels back to the caller.</summary>
    public static bool PassesResponse(string name)
        => name.Length > 0 && !HopByHop.Contains(name) && !IsBinary(name) && name[0] != ':'
            && !Is(name, "content-type") && !Is(name, "content-length") && !Is(name, DestinationAppId);

    /// <summary>Removes the headers that a <c>Connection</c> header names.</summary>
    public static void RemoveNamedByConnection(HeaderList headers, string connection)
    {
        foreach (var name in connection.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            headers.Remove(name);
        }
    }

    /// <summary>Copies the headers of an HTTP answer that travel back to the caller.</summary>
    public static HeaderList OfResponse(HttpResponseMessage response)
    {
        var headers = new HeaderList();
        foreach (var source in new[] { response.Headers.NonValidated, response.Content.Headers.NonValidated })
        {
            foreach (var (name, values) in source)
            {
                if (PassesResponse(name))
                {
                    foreach (var value in values)
                    {
                        headers.Add(name, value);
                    }
                }
            }
        }

        if (response.Headers.NonValidated.TryGetValues("Connection", out var connection))
        {
            RemoveNamedByConnection(headers, string.Join(',', connection));
        }

        return headers;
    }

    /// <summary>Whether a header that came from outside can be written on: a token as name, no control characters in the value (RFC 9110, section 5).</summary>
    public static bool IsSendable(string name, string value)
        => name.Length > 0 && name.AsSpan().IndexOfAnyExcept(TokenCharacters) < 0 && value.AsSpan().IndexOfAny(ControlCharacters) < 0;

    /// <summary>The name under which an HTTP header reaches a gRPC app, lower case.</summary>
    public static string ToGrpcName(string name)
        => Permanent.Contains(name) ? "dapr-" + name.ToLowerInvariant()
            : name[0] == ':' ? "dapr-" + name[1..].ToLowerInvariant()
            : name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) ? "dapr-" + name.ToLowerInvariant()
            : name.ToLowerInvariant();

    private static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);
}
