using System.Text.Json;
using DaprK8s.Components.Metadata;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.SecretStores.LocalFile;

/// <summary>Secrets from a JSON file, read once (contract: components 6.2).</summary>
internal sealed class LocalFileSecretStore : ISecretStore
{
    private static readonly MetadataField<string> SecretsFile = Field.Text(
        "secretsFile", "Path of the JSON file, seen from the working directory.", required: true);

    private static readonly MetadataField<string> NestedSeparator = Field.Text(
        "nestedSeparator", "What joins the names of nested values.", ":");

    private static readonly MetadataField<bool> MultiValued = Field.Bool(
        "multiValued", "A top-level object is one secret with several keys, rather than a secret for each value in it.");

    private Dictionary<string, IReadOnlyDictionary<string, string>> secrets = new(StringComparer.Ordinal);

    public bool HasMultipleValuesPerSecret { get; private set; }

    public static ProviderDescriptor Describe()
        => new("Reads secrets from a local JSON file.", [SecretsFile, NestedSeparator, MultiValued], () => new LocalFileSecretStore());

    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var path = context.Metadata.Get(SecretsFile);
        if (path.Length == 0)
        {
            throw new ComponentMetadataException(SecretsFile.Name, "missing local secrets file in metadata");
        }

        HasMultipleValuesPerSecret = context.Metadata.Get(MultiValued);
        var separator = context.Metadata.Get(NestedSeparator) is { Length: > 0 } given ? given : NestedSeparator.Default;
        await using var file = File.OpenRead(path);
        using var document = await ParseAsync(file, cancellationToken);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new ComponentMetadataException(SecretsFile.Name, "the file holds no JSON object");
        }

        var flattener = new JsonFlattener(
            separator, name => context.Logger.LogWarning("{Component}: secret {Name} is in the file twice, the last one counts", context.LogName, name));
        secrets = HasMultipleValuesPerSecret ? ReadMultiple(document.RootElement, flattener) : ReadSingle(document.RootElement, flattener);
    }

    public ValueTask<IReadOnlyDictionary<string, string>> GetAsync(
        string name, IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => secrets.TryGetValue(name, out var secret) ? ValueTask.FromResult(secret) : throw new SecretNotFoundException(name);

    public ValueTask<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> BulkGetAsync(
        IReadOnlyDictionary<string, string> metadata, CancellationToken cancellationToken)
        => ValueTask.FromResult<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>>(secrets);

    public ValueTask DisposeAsync()
    {
        secrets = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        return ValueTask.CompletedTask;
    }

    private static async Task<JsonDocument> ParseAsync(Stream file, CancellationToken cancellationToken)
    {
        try
        {
            return await JsonDocument.ParseAsync(file, default, cancellationToken);
        }
        catch (JsonException e)
        {
            // The parser's own message can quote the file.
            throw new ComponentMetadataException(
                SecretsFile.Name, $"the file is no JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }
    }

    private static Dictionary<string, IReadOnlyDictionary<string, string>> ReadSingle(JsonElement root, JsonFlattener flattener)
        => flattener.Flatten(root).ToDictionary(s => s.Key, s => One(s.Key, s.Value), StringComparer.Ordinal);

    private static Dictionary<string, IReadOnlyDictionary<string, string>> ReadMultiple(JsonElement root, JsonFlattener flattener)
    {
        var all = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.String:
                    all[property.Name] = One(property.Name, property.Value.GetString()!);
                    break;
                case JsonValueKind.Object:
                    all[property.Name] = flattener.Flatten(property.Value);
                    break;
            }
        }

        return all;
    }

    private static IReadOnlyDictionary<string, string> One(string key, string value)
        => new Dictionary<string, string>(1, StringComparer.Ordinal) { [key] = value };
}
