using System.Globalization;
using System.Text.Json;

namespace DaprK8s.Components.SecretStores.LocalFile;

/// <summary>Turns nested JSON into names and texts: <c>{"redis": {"hosts": ["a"]}}</c> into <c>redis:hosts:0</c> = <c>a</c>.</summary>
/// <param name="separator">What joins the names of the levels; array elements are named by their index.</param>
/// <param name="clash">Told a name that came up twice; the later value replaces the earlier one.</param>
internal sealed class JsonFlattener(string separator, Action<string> clash)
{
    /// <summary>Collects all leaves of an object.</summary>
    public Dictionary<string, string> Flatten(JsonElement root)
    {
        var leaves = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            Collect(property.Name, property.Value, leaves);
        }

        return leaves;
    }

    private void Collect(string name, JsonElement value, Dictionary<string, string> leaves)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    Collect(name + separator + property.Name, property.Value, leaves);
                }

                break;
            case JsonValueKind.Array:
                var index = 0;
                foreach (var element in value.EnumerateArray())
                {
                    Collect(name + separator + index++.ToString(CultureInfo.InvariantCulture), element, leaves);
                }

                break;
            default:
                if (!leaves.TryAdd(name, Text(value)))
                {
                    clash(name);
                    leaves[name] = Text(value);
                }

                break;
        }
    }

    private static string Text(JsonElement leaf) => leaf.ValueKind switch
    {
        JsonValueKind.String => leaf.GetString()!,
        JsonValueKind.Null => "",
        _ => leaf.GetRawText(),
    };
}
