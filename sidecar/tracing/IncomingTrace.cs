using DaprK8s.Common.Wire;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Tracing;

/// <summary>Reads trace and baggage headers (contract: messaging 10.2): the binary header first, W3C text second, anything invalid as none.</summary>
internal static class IncomingTrace
{
    public static TraceContext Read(IHeaderDictionary headers)
    {
        string? parent = null;
        if (headers.TryGetValue(GrpcTraceBin.Header, out var binary) && binary.Count > 0
            && GrpcMetadataText.TryDecodeBinary(binary[0]!, out var bytes))
        {
            parent = GrpcTraceBin.ToTraceParent(bytes);
        }

        if (parent is null && headers.TryGetValue("traceparent", out var text) && text.Count > 0)
        {
            parent = text[0];
        }

        if (parent is null || !IsValidParent(parent))
        {
            parent = "";
        }

        var state = parent.Length > 0 && headers.TryGetValue("tracestate", out var states) ? states.ToString() : null;
        var baggage = headers.TryGetValue("baggage", out var members) ? string.Join(',', members.ToArray()) : null;
        return new TraceContext(parent, state is { Length: > 0 and <= 512 } ? state : null, string.IsNullOrEmpty(baggage) ? null : baggage);
    }

    /// <summary>W3C Trace Context, section 3.2.2: lower-case hex, non-zero ids, version not <c>ff</c>, version <c>00</c> exactly four parts.</summary>
    public static bool IsValidParent(string parent)
    {
        if (parent.Length < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-')
        {
            return false;
        }

        var text = parent.AsSpan();
        var version = text[..2];
        if (version is "ff" || (version is "00" ? parent.Length != 55 : parent.Length > 55 && parent[55] != '-'))
        {
            return false;
        }

        return IsHex(version) && IsHex(text.Slice(3, 32)) && IsHex(text.Slice(36, 16)) && IsHex(text.Slice(53, 2))
            && text.Slice(3, 32).ContainsAnyExcept('0') && text.Slice(36, 16).ContainsAnyExcept('0');
    }

    private static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!char.IsAsciiHexDigitLower(c))
            {
                return false;
            }
        }

        return true;
    }
}
