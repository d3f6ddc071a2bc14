namespace DaprK8s.Components;

/// <summary>An event of an input binding.</summary>
/// <param name="Data">What happened, as the source wrote it.</param>
public sealed record BindingEvent(ReadOnlyMemory<byte> Data)
{
    /// <summary>What the source says of it; becomes headers of the call to the app.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = EmptyMetadata.Instance;
}
