using System.Globalization;
using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Patches;

/// <summary>RFC 6902: the operations apply in order, all or none.</summary>
internal static class JsonPatch
{
    public static JsonNode Apply(JsonNode target, JsonArray operations)
    {
        // The holder makes the whole document a member like any other.
        var holder = new JsonObject { ["document"] = target.DeepClone() };
        foreach (var operation in operations)
        {
            var path = Pointer((string?)operation?["path"]);
            var name = (string?)operation!["op"];
            switch (name)
            {
                case "add":
                    Add(holder, path, operation["value"]?.DeepClone());
                    break;
                case "remove":
                    Remove(holder, path);
                    break;
                case "replace":
                    Remove(holder, path);
                    Add(holder, path, operation["value"]?.DeepClone());
                    break;
                case "move":
                    Add(holder, path, Remove(holder, Pointer((string?)operation["from"])));
                    break;
                case "copy":
                    Add(holder, path, Read(holder, Pointer((string?)operation["from"]))?.DeepClone());
                    break;
                case "test" when !JsonNode.DeepEquals(Read(holder, path), operation["value"]):
                    throw Refused($"testing value {string.Join('/', path[1..])} failed");
                case "test":
                    break;
                default:
                    throw ApiException.BadRequest($"unknown operation {name}");
            }
        }

        return holder["document"]!.DeepClone();
    }

    private static string[] Pointer(string? text)
        => text is "" || text?.StartsWith('/') == true
            ? ["document", .. text.Split('/')[1..].Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))]
            : throw ApiException.BadRequest($"not a JSON pointer: {text}");

    private static JsonNode? Read(JsonNode holder, string[] path)
    {
        JsonNode? at = holder;
        foreach (var name in path)
        {
            at = at switch
            {
                JsonObject o when o.ContainsKey(name) => o[name],
                JsonArray a when Index(a, name) is var i && i < a.Count => a[i],
                _ => throw Refused($"the path {name} does not exist"),
            };
        }

        return at;
    }

    private static void Add(JsonNode holder, string[] path, JsonNode? value)
    {
        switch (Read(holder, path[..^1]))
        {
            case JsonObject o:
                o[path[^1]] = value;
                break;
            case JsonArray a when path[^1] == "-":
                a.Add(value);
                break;
            case JsonArray a when Index(a, path[^1]) is var i && i <= a.Count:
                a.Insert(i, value);
                break;
            default:
                throw Refused($"the path {path[^1]} does not exist");
        }
    }

    private static JsonNode? Remove(JsonNode holder, string[] path)
    {
        var value = Read(holder, path);
        switch (Read(holder, path[..^1]))
        {
            case JsonObject o:
                o.Remove(path[^1]);
                break;
            case JsonArray a:
                a.RemoveAt(Index(a, path[^1]));
                break;
        }

        return value;
    }

    private static int Index(JsonArray array, string name)
        => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : array.Count + 1;

    private static ApiException Refused(string problem) => new(422, "Invalid", $"the server rejected our request due to an error in our request: {problem}");
}
