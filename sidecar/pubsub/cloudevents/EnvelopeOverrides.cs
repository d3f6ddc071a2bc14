namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>Attributes that publish metadata replaces in a new envelope (contract: messaging 1.2). Empty ones replace nothing.</summary>
internal readonly struct EnvelopeOverrides
{
    private const string Prefix = "cloudevent.";

    public string? Id { get; private init; }

    public string? Source { get; private init; }

    public string? Type { get; private init; }

    public string? Subject { get; private init; }

    public string? TraceParent { get; private init; }

    public string? TraceState { get; private init; }

    public static EnvelopeOverrides Read(IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return default;
        }

        string? id = null, source = null, type = null, subject = null, traceParent = null, traceId = null, traceState = null;
        foreach (var (name, value) in metadata)
        {
            if (value.Length == 0 || !name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            var attribute = name.AsSpan(Prefix.Length);
            _ = Take(attribute, "id", value, ref id)
                || Take(attribute, "source", value, ref source)
                || Take(attribute, "type", value, ref type)
                || Take(attribute, "subject", value, ref subject)
                || Take(attribute, "traceparent", value, ref traceParent)
                || Take(attribute, "traceid", value, ref traceId)
                || Take(attribute, "tracestate", value, ref traceState);
        }

        return new EnvelopeOverrides
        {
            Id = id,
            Source = source,
            Type = type,
            Subject = subject,
            TraceParent = traceParent ?? traceId,
            TraceState = traceState,
        };
    }

    private static bool Take(ReadOnlySpan<char> attribute, string name, string value, ref string? to)
    {
        if (!attribute.Equals(name, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        to = value;
        return true;
    }
}
