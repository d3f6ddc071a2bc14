using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>The settings of a <see cref="WasmMiddleware"/>, checked.</summary>
internal sealed record WasmSettings
{
    public static readonly MetadataField<string> UrlField = Field.Text("url", "Where the guest is: file://, http:// or https://.", required: true);
    public static readonly MetadataField<string> GuestConfigField = Field.Text("guestConfig", "Text that the guest can read.");

    public static readonly MetadataField<bool> StrictSandboxField = Field.Bool(
        "strictSandbox", "The guest gets a made-up clock and repeatable random numbers, and cannot sleep.");

    public static readonly MetadataField<TimeSpan> TimeoutField = Field.Duration(
        "guestTimeout", "How long one call of the guest may take before it is stopped and the request fails.", TimeSpan.FromSeconds(5));

    public static readonly MetadataField<long> MaxMemoryField = Field.Bytes("maxMemory", "The most memory of one instance of the guest.", 64 << 20);

    public static readonly MetadataField<long> MaxBodyField = Field.Bytes(
        "maxBodySize", "The most of a body that the guest can read or write.", 4 << 20);

    public static readonly MetadataField<long> MaxInstancesField = Field.Number(
        "maxInstances", "The most instances, which is the most requests at a time; more wait.", 256, min: 1, max: 100_000);

    public static IReadOnlyList<MetadataField> Fields { get; } =
        [UrlField, GuestConfigField, StrictSandboxField, TimeoutField, MaxMemoryField, MaxBodyField, MaxInstancesField];

    public required string Url { get; init; }

    public required string GuestConfig { get; init; }

    public required bool StrictSandbox { get; init; }

    public required TimeSpan Timeout { get; init; }

    public required long MaxMemory { get; init; }

    public required int MaxBody { get; init; }

    public required int MaxInstances { get; init; }

    /// <exception cref="ComponentMetadataException">A setting is missing or wrong.</exception>
    public static WasmSettings Read(ComponentMetadata metadata) => new()
    {
        Url = ReadUrl(metadata.Get(UrlField)),
        GuestConfig = metadata.Get(GuestConfigField),
        StrictSandbox = metadata.Get(StrictSandboxField),
        Timeout = metadata.Get(TimeoutField) is var timeout && timeout >= TimeSpan.FromMilliseconds(10) && timeout <= TimeSpan.FromHours(1)
            ? timeout
            : throw new ComponentMetadataException(TimeoutField.Name, "must be from 10ms to 1h"),
        MaxMemory = Size(metadata, MaxMemoryField),
        MaxBody = (int)Size(metadata, MaxBodyField),
        MaxInstances = (int)metadata.Get(MaxInstancesField),
    };

    private static string ReadUrl(string text)
    {
        if (text.Length == 0)
        {
            throw new ComponentMetadataException(UrlField.Name, "missing url");
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            throw new ComponentMetadataException(UrlField.Name, $"invalid URL: {text}");
        }

        if (text[..colon] is not ("file" or "http" or "https"))
        {
            throw new ComponentMetadataException(UrlField.Name, $"unsupported URL scheme: {text[..colon]}");
        }

        // A file's name may be relative to the working directory.
        return text.StartsWith("file://", StringComparison.Ordinal) || Uri.TryCreate(text, UriKind.Absolute, out _)
            ? text
            : throw new ComponentMetadataException(UrlField.Name, $"invalid URL: {text}");
    }

    private static long Size(ComponentMetadata metadata, MetadataField<long> field)
        => metadata.Get(field) is var size && size is >= 1 and <= int.MaxValue
            ? size
            : throw new ComponentMetadataException(field.Name, "must be from 1 byte to 2Gi");
}
