using System.Text;
using System.Text.Json;

namespace DaprK8s.Cluster.Objects;

/// <summary>The entries of a ConfigMap or a Secret.</summary>
internal static class KeyedData
{
    public static Dictionary<string, byte[]> Of(JsonElement item)
    {
        var data = new Dictionary<string, byte[]>();
        foreach (var entry in item.Members("data"))
        {
            var text = entry.Value.GetString() ?? "";
            data[entry.Name] = item.Text("kind") == "Secret" ? Convert.FromBase64String(text) : Encoding.UTF8.GetBytes(text);
        }

        foreach (var entry in item.Members("binaryData"))
        {
            data[entry.Name] = Convert.FromBase64String(entry.Value.GetString() ?? "");
        }

        return data;
    }
}
