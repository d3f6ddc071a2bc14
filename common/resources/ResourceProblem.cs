namespace DaprK8s.Common.Resources;

/// <summary>Something wrong in a resource.</summary>
/// <param name="Path">Where: <c>spec.metadata[2].value (redisDB)</c>.</param>
/// <param name="Message">What is wrong and how to put it right; never holds a secret.</param>
public sealed record ResourceProblem(string Path, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path}: {Message}";
}
