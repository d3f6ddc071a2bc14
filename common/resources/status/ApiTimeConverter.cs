using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DaprK8s.Common.Resources;

/// <summary>Instants as the API server itself writes them: RFC 3339, whole seconds, UTC (<c>2026-01-31T12:00:00Z</c>).</summary>
internal sealed class ApiTimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options)
        => writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}
