using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Secrets;

/// <summary>What became of the items of a resource whose values come from secrets and from the environment.</summary>
internal sealed record ResolvedItems
{
    /// <summary>Names and final values, in the resource's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Items { get; init; } = [];

    /// <summary>The values before templates were expanded, which differ from one resolution to the next only when a secret does.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Raw { get; init; } = [];

    /// <summary>What to log. No text holds a value.</summary>
    public IReadOnlyList<ResolutionNote> Notes { get; init; } = [];

    /// <summary>
    /// The secret store that must be ready before the resource can be used, or <see langword="null"/>; then there are no items.
    /// </summary>
    public string? WaitingFor { get; init; }

    /// <summary>Why the resource can't be used, or <see langword="null"/>; then there are no items.</summary>
    public string? Failure { get; init; }

    /// <summary>The value of an item, or <see langword="null"/>.</summary>
    public string? Find(string name)
    {
        foreach (var (key, value) in Items)
        {
            if (key == name)
            {
                return value;
            }
        }

        return null;
    }
}

/// <summary>A line for the log.</summary>
internal sealed record ResolutionNote(LogLevel Level, string Text);

/// <summary>An HTTPEndpoint's headers and TLS material; both are of one resolution, so their waiting and notes are the headers'.</summary>
/// <param name="Headers">The headers.</param>
/// <param name="RootCa">PEM, or <see langword="null"/>.</param>
/// <param name="Certificate">PEM, or <see langword="null"/>.</param>
/// <param name="PrivateKey">PEM, or <see langword="null"/>.</param>
internal sealed record ResolvedEndpoint(ResolvedItems Headers, string? RootCa, string? Certificate, string? PrivateKey);
