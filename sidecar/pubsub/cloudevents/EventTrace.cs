namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>Checks trace texts of received events before they become headers: whoever may publish chooses them.</summary>
internal static class EventTrace
{
    private const int ParentLength = 55;
    private const int MaxStateLength = 512;

    /// <summary>Whether a text is a W3C <c>traceparent</c>: four lower-case hexadecimal fields, the version not <c>ff</c>.</summary>
    public static bool IsParent(string text)
        => text.Length == ParentLength
            && text[2] == '-' && text[35] == '-' && text[52] == '-'
            && IsHex(text.AsSpan(0, 2)) && IsHex(text.AsSpan(3, 32)) && IsHex(text.AsSpan(36, 16)) && IsHex(text.AsSpan(53, 2))
            && !text.StartsWith("ff", StringComparison.Ordinal);

    /// <summary>Whether a text can be sent as <c>tracestate</c>.</summary>
    public static bool IsState(string text)
        => text.Length is > 0 and <= MaxStateLength && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

    private static bool IsHex(ReadOnlySpan<char> text) => !text.ContainsAnyExcept("0123456789abcdef");
}
