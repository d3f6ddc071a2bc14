using System.Text.Json;
using System.Text.Json.Serialization;

namespace DaprK8s.Common.Resources;

/// <summary>Writes an element that was never set as null, where the framework refuses to write it at all.</summary>
internal sealed class LooseElementConverter : JsonConverter<JsonElement>
{
    public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonElement.ParseValue(ref reader);

    public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options)
    {
        if (value.ValueKind == JsonValueKind.Undefined)
        {
            writer.WriteNullValue();
        }
        else
        {
            value.WriteTo(writer);
        }
    }
}
