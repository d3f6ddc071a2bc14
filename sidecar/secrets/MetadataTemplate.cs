using System.Text;
using DaprK8s.Sidecar.Runtime;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>
/// Replaces the tokens of a component's metadata values: <c>{uuid}</c>, <c>{podName}</c>, <c>{namespace}</c>, <c>{appID}</c>
/// (contract: components 2.3). One pass: what was put in is not looked at again.
/// </summary>
internal sealed class MetadataTemplate(SidecarInfo self, string? podName)
{
    /// <summary>Expands a value.</summary>
    /// <param name="property">The item's name, for the text of the error.</param>
    /// <param name="text">The value.</param>
    /// <exception cref="FormatException">It asks for the pod's name and there is none.</exception>
    public string Expand(string property, string text)
    {
        var open = text.IndexOf('{', StringComparison.Ordinal);
        if (open < 0)
        {
            return text;
        }

        var expanded = new StringBuilder(text.Length + 32);
        var rest = text.AsSpan();
        while (open >= 0)
        {
            expanded.Append(rest[..open]);
            rest = rest[open..];
            var (token, value) = Take(property, rest);
            expanded.Append(value);
            rest = rest[token..];
            open = rest.IndexOf('{');
        }

        return expanded.Append(rest).ToString();
    }

    private (int Length, string Value) Take(string property, ReadOnlySpan<char> text)
        => text switch
        {
            _ when text.StartsWith("{uuid}") => (6, Guid.NewGuid().ToString()),
            _ when text.StartsWith("{podName}") => (9, string.IsNullOrEmpty(podName)
                ? throw new FormatException($"failed to parse metadata: property {property} refers to {{podName}} but podName is not set")
                : podName),
            _ when text.StartsWith("{namespace}") => (11, $"{self.Namespace}.{self.AppId}"),
            _ when text.StartsWith("{appID}") => (7, self.AppId),
            _ => (1, "{"),
        };
}
