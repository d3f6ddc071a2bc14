using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;

namespace DaprK8s.Common.Resources;

/// <summary>
/// Loads Configuration files and lays them over each other and over the built-in defaults (contract: operations 2.1).
/// Objects merge field by field, a later file's scalars and lists replace earlier ones.
/// </summary>
public static partial class ConfigurationFiles
{
    private const string Defaults = """
        {"apiVersion":"dapr.io/v1alpha1","kind":"Configuration","metadata":{"name":"default"},"spec":{
          "tracing":{"otel":{"isSecure":true}},
          "metric":{"enabled":true},
          "accessControl":{"defaultAction":"allow","trustDomain":"public"}}}
        """;

    /// <summary>The configuration of a sidecar that was given none.</summary>
    public static Configuration LoadDefault() => Load([], static _ => null);

    /// <summary>Loads and merges.</summary>
    /// <param name="files">Paths; only the first document of each counts.</param>
    /// <param name="environment">Looks up <c>$VAR</c> and <c>${VAR}</c>; an undefined one becomes nothing.</param>
    /// <exception cref="ResourceException">A file is missing or wrong; the message begins <c>error loading configuration: </c>.</exception>
    public static Configuration Load(IEnumerable<string> files, Func<string, string?> environment)
    {
        var merged = (JsonObject)JsonNode.Parse(Defaults)!;
        foreach (var file in files)
        {
            try
            {
                var text = Variable().Replace(File.ReadAllText(file), m => environment(m.Groups[1].Value + m.Groups[2].Value) ?? "");
                var first = ResourceFiles.SplitDocuments(text).FirstOrDefault(d => !string.IsNullOrWhiteSpace(d)) ?? "";
                if (YamlJson.Convert(first) is { } json && JsonNode.Parse(json) is JsonObject layer)
                {
                    // Read once on its own, so that an error names the file that has it.
                    JsonSerializer.Deserialize(json, ResourceJson.Default.Configuration);
                    Merge(merged, layer);
                }
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                throw new ResourceException($"error loading configuration: stat {file}: no such file or directory", e);
            }
            catch (YamlException e)
            {
                throw new ResourceException($"error loading configuration: {file}, line {e.Start.Line}: {e.InnerException?.Message ?? e.Message}", e);
            }
            catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
            {
                throw new ResourceException($"error loading configuration: {file}: {e.Message}", e);
            }
        }

        return JsonSerializer.Deserialize(merged, ResourceJson.Default.Configuration)!;
    }

    /// <summary>A Configuration of the API laid over the built-in defaults.</summary>
    /// <param name="document">The object; a member that is <c>null</c> counts as absent.</param>
    /// <exception cref="ResourceException">It is none; the message begins <c>error loading configuration: </c>.</exception>
    public static Configuration Load(JsonObject document)
    {
        var merged = (JsonObject)JsonNode.Parse(Defaults)!;
        Merge(merged, document);
        try
        {
            return JsonSerializer.Deserialize(merged, ResourceJson.Default.Configuration)!;
        }
        catch (JsonException e)
        {
            throw new ResourceException($"error loading configuration: {e.Message}", e);
        }
    }

    private static void Merge(JsonObject target, JsonObject layer)
    {
        foreach (var (name, value) in layer)
        {
            var key = target.FirstOrDefault(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Key ?? name;
            if (value is JsonObject inner && target[key] is JsonObject existing)
            {
                Merge(existing, inner);
            }
            else
            {
                target[key] = value?.DeepClone();
            }
        }
    }

    [GeneratedRegex(@"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")]
    private static partial Regex Variable();
}
