using DaprK8s.Common.Text;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>Reads the keys of message and request metadata that the sidecar itself acts on.</summary>
internal static class MetadataLookup
{
    /// <summary>Switches wrapping off; the only key whose case matters (contract: messaging 1.5).</summary>
    public const string RawPayload = "rawPayload";

    /// <summary>A value by its name without regard to case, or <see langword="null"/>.</summary>
    public static string? Find(this IReadOnlyDictionary<string, string> metadata, string name)
    {
        if (metadata.Count == 0)
        {
            return null;
        }

        if (metadata.TryGetValue(name, out var exact))
        {
            return exact;
        }

        foreach (var (key, value) in metadata)
        {
            if (key.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Whether the payload is raw.</summary>
    /// <param name="metadata">Publish or subscription metadata.</param>
    /// <param name="raw">The answer.</param>
    /// <param name="problem">Why the value is none, when this returns <see langword="false"/>.</param>
    public static bool TryReadRawPayload(IReadOnlyDictionary<string, string> metadata, out bool raw, out string problem)
    {
        (raw, problem) = (false, "");
        if (!metadata.TryGetValue(RawPayload, out var text) || text.Length == 0 || Truthy.TryParseStrict(text, out raw))
        {
            return true;
        }

        problem = $"{RawPayload} value must be a valid boolean: actual is '{text}'";
        return false;
    }
}
