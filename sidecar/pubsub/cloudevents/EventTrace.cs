namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>Checks trace texts of received events before they become headers: whoever may publish chooses them.</summary>
internal static class EventTrace
{
    private const int MaxStateLength = 512;

    /// <summary>Whether a text can be sent as <c>tracestate</c>.</summary>
    public static bool IsState(string text)
        => text.Length is > 0 and <= MaxStateLength && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');
}
