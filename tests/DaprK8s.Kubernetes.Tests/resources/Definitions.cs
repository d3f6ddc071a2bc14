using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Generator;

namespace DaprK8s.Kubernetes.Tests.Resources;

/// <summary>The custom resource definitions as they are committed.</summary>
internal static class Definitions
{
    private static readonly string Folder = Path.Combine(Repository.FindRoot(AppContext.BaseDirectory), "crds");

    public static JsonObject Read(string file) => JsonNode.Parse(YamlJson.Convert(File.ReadAllText(Path.Combine(Folder, file + ".yaml")))!)!.AsObject();

    public static JsonObject Version(string file, string version)
        => Read(file)["spec"]!["versions"]!.AsArray().Single(v => v!["name"]!.GetValue<string>() == version)!.AsObject();

    public static JsonObject Schema(string file, string version) => Version(file, version)["schema"]!["openAPIV3Schema"]!.AsObject();

    /// <summary>A line for each field: its path, its type, R when it is required, and whatever else the schema says of it.</summary>
    public static IEnumerable<string> Facts(JsonObject schema) => Fields(schema, "");

    private static IEnumerable<string> Fields(JsonObject schema, string path)
    {
        var required = schema["required"]?.AsArray().Select(r => r!.GetValue<string>()).ToHashSet() ?? [];
        foreach (var (name, node) in schema["properties"]?.AsObject() ?? [])
        {
            if (path.Length == 0 && name is "apiVersion" or "kind" or "metadata" or "status")
            {
                continue;
            }

            foreach (var line in Field(node!.AsObject(), path.Length == 0 ? name : $"{path}.{name}", required.Contains(name)))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<string> Field(JsonObject field, string path, bool isRequired)
    {
        var type = field["type"]?.GetValue<string>();
        var words = new List<string> { path, type ?? "any" };
        if (isRequired)
        {
            words.Add("R");
        }

        words.AddRange(field.Where(p => p.Key is not ("type" or "description" or "properties" or "items" or "additionalProperties" or "required"
                or "x-kubernetes-validations") && (type is not null || p.Key != "x-kubernetes-preserve-unknown-fields"))
            .Select(p => $"{p.Key.Replace("x-kubernetes-", "")}={p.Value!.ToJsonString()}"));
        yield return string.Join(' ', words);
        var inner = field["items"] is JsonObject items ? Field(items, path + "[]", false)
            : field["additionalProperties"] is JsonObject values ? Field(values, path + "{}", false)
            : Fields(field, path);
        foreach (var line in inner)
        {
            yield return line;
        }
    }
}
