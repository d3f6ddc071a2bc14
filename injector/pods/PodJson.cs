using System.Text.Json;

namespace DaprK8s.Injector.Pods;

/// <summary>Fields of an object of Kubernetes: absent and null are the same, another type than expected is an error that says where.</summary>
internal static class PodJson
{
    /// <summary>A member that is an object; the default element when it is not there.</summary>
    public static JsonElement Object(JsonElement from, string name, string path)
        => Member(from, name) is not { } member ? default
            : member.ValueKind == JsonValueKind.Object ? member : throw Unexpected(path, "an object", member);

    /// <summary>The objects of a list; none when it is not there.</summary>
    public static IEnumerable<JsonElement> Array(JsonElement from, string name, string path)
    {
        if (Member(from, name) is not { } member)
        {
            yield break;
        }

        if (member.ValueKind != JsonValueKind.Array)
        {
            throw Unexpected(path, "a list", member);
        }

        foreach (var item in member.EnumerateArray())
        {
            yield return item.ValueKind == JsonValueKind.Object ? item : throw Unexpected(path + "[]", "an object", item);
        }
    }

    /// <summary>A text; empty when it is not there.</summary>
    public static string Text(JsonElement from, string name, string path)
        => Member(from, name) is not { } member ? ""
            : member.ValueKind == JsonValueKind.String ? Read(member, path, name) : throw Unexpected($"{path}.{name}", "a text", member);

    /// <summary>The texts of a list; none when it is not there.</summary>
    public static IReadOnlyList<string> Texts(JsonElement from, string name, string path)
        => Member(from, name) is not { } member ? []
            : member.ValueKind != JsonValueKind.Array ? throw Unexpected(path, "a list", member)
            : [.. member.EnumerateArray().Select(i => i.ValueKind == JsonValueKind.String ? Read(i, path, "[]") : throw Unexpected(path + "[]", "a text", i))];

    /// <summary>A whole number.</summary>
    public static long? Number(JsonElement from, string name, string path)
        => Member(from, name) is not { } member ? null
            : member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var number) ? number : throw Unexpected($"{path}.{name}", "a whole number", member);

    /// <summary>What an element is, for an error.</summary>
    public static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a boolean",
    };

    private static JsonElement? Member(JsonElement from, string name)
        => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? member : null;

    private static string Read(JsonElement member, string path, string name)
    {
        try
        {
            return member.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new MalformedPodException($"{path}.{name}: the text is not valid UTF-8");
        }
    }

    private static MalformedPodException Unexpected(string path, string expected, JsonElement found)
        => new($"{path}: expected {expected}, found {Describe(found)}");
}
