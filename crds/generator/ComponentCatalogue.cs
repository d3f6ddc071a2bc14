using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Common.Text;
using DaprK8s.Components;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Generator;

/// <summary>
/// Writes what the operator must know of components to judge a Component: each type with its versions and, where this project has a
/// provider, its metadata fields. The operator reads this file in place of the providers, which it could not afford to hold.
/// </summary>
internal static class ComponentCatalogue
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The file: a line a type and version.</summary>
    /// <exception cref="InvalidOperationException">A field does not say enough of itself.</exception>
    public static string Write()
    {
        var text = new StringBuilder("[\n");
        text.AppendJoin(",\n", Lines());
        return text.Append("\n]\n").ToString();
    }

    private static IEnumerable<string> Lines()
    {
        var served = ProviderCatalog.All.Where(e => e.Kind != ComponentKind.NameResolution)
            .SelectMany(e => e.Versions.Select(v => (e.Types, Version: v, Descriptor: (ProviderDescriptor?)e.Describe()))).ToList();
        var known = DaprTypes.All
            .SelectMany(t => t.Versions.Select(v => (t.Types, Version: v, Descriptor: (ProviderDescriptor?)null)))
            .Where(k => !served.Exists(s => s.Version == k.Version && s.Types.Intersect(k.Types).Any()));
        return served.Concat(known)
            .OrderBy(e => e.Types[0], StringComparer.Ordinal).ThenBy(e => e.Version, StringComparer.Ordinal)
            .Select(e => Line(e.Types, e.Version, e.Descriptor));
    }

    private static string Line(string[] types, string version, ProviderDescriptor? descriptor)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            WriteList(json, "types", types);
            json.WriteString("version", version);
            if (descriptor is not null)
            {
                json.WriteStartArray("fields");
                foreach (var field in descriptor.Fields.DistinctBy(f => f.Name, StringComparer.OrdinalIgnoreCase))
                {
                    Write(json, field);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, MetadataField field)
    {
        json.WriteStartObject();
        json.WriteString("name", field.Name);
        json.WriteString("type", field.TypeName);
        WriteFlag(json, "required", field.Required);
        WriteFlag(json, "sensitive", field.Sensitive);
        WriteFlag(json, "strict", field.IsStrict);
        WriteList(json, "aliases", field.Aliases);
        WriteList(json, "choices", field.Choices);
        WriteNumber(json, "minimum", field.Minimum is long.MinValue ? null : field.Minimum);
        WriteNumber(json, "maximum", field.Maximum is long.MaxValue ? null : field.Maximum);
        WriteFlag(json, "whole", field.Minimum is not null);
        if (field.TypeName == "duration")
        {
            var unit = field.BareUnit ?? throw new InvalidOperationException($"the duration {field.Name} does not say what a bare number counts");
            json.WriteString("bareUnit", GoDuration.Format(unit));
        }

        json.WriteEndObject();
    }

    private static void WriteFlag(Utf8JsonWriter json, string name, bool value)
    {
        if (value)
        {
            json.WriteBoolean(name, value);
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}
