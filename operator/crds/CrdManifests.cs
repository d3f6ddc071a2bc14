using System.Reflection;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;

namespace DaprK8s.Operator.Crds;

/// <summary>The custom resource definitions of this version, which are part of the executable.</summary>
internal static class CrdManifests
{
    private const string Prefix = "crds/";

    /// <summary>Reads them all, by file name.</summary>
    /// <param name="namespace">Where the operator is, which converts Subscriptions.</param>
    public static IEnumerable<JsonObject> Read(string @namespace)
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var file in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(file)!);
            var definition = (JsonObject)JsonNode.Parse(YamlJson.Convert(reader.ReadToEnd())!)!;
            // The CA bundle is left out, so that it stays what the operator made it.
            if (definition["spec"]!["conversion"]?["webhook"]?["clientConfig"]?["service"] is JsonObject service)
            {
                service["namespace"] = @namespace;
            }

            yield return definition;
        }
    }
}
