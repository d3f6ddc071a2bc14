namespace DaprK8s.Sidecar.Tracing;

/// <summary>
/// The trace that a piece of work belongs to, as it is handed on: W3C texts (contract: operations 5.10). Made by the surface,
/// passed down the road, written by whatever leaves towards an app, a peer, an event or a component.
/// </summary>
/// <param name="TraceParent">The <c>traceparent</c> to send; empty when the sidecar adds none (<c>samplingRate: "0"</c> and none came in).</param>
/// <param name="TraceState">The <c>tracestate</c>, or <see langword="null"/>.</param>
/// <param name="Baggage">The <c>baggage</c> header as it came in, or <see langword="null"/>.</param>
internal readonly record struct TraceContext(string? TraceParent, string? TraceState = null, string? Baggage = null)
{
    /// <summary>The <c>traceparent</c> to send, or empty; never null, also not in the default value.</summary>
    public string TraceParent { get => field ?? ""; init; } = TraceParent;

    /// <summary>What is sent when tracing makes no spans and none came in.</summary>
    public const string ZeroParent = "00-00000000000000000000000000000000-0000000000000000-00";

    /// <summary>No trace.</summary>
    public static TraceContext None { get; } = new("");

    /// <summary>Whether there is a real trace, not the zero one.</summary>
    public bool IsValid => TraceParent.Length > 0 && TraceParent != ZeroParent;
}
