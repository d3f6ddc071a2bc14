using System.Text.Json;
using DaprK8s.Components;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>Items as JSON, for answers and for updates; what is empty is left out (contract: api 1.13).</summary>
internal static class ConfigurationJson
{
    public static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, ConfigurationItem> items)
    {
        json.WriteStartObject();
        foreach (var (key, item) in items)
        {
            json.WriteStartObject(key);
            if (item.Value.Length > 0)
            {
                json.WriteString("value", item.Value);
            }

            if (item.Version.Length > 0)
            {
                json.WriteString("version", item.Version);
            }

            if (item.Metadata.Count > 0)
            {
                json.WriteStartObject("metadata");
                foreach (var (name, value) in item.Metadata)
                {
                    json.WriteString(name, value);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
