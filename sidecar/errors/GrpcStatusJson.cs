using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;

namespace DaprK8s.Sidecar.Errors;

/// <summary>A gRPC app's status as the JSON body that an HTTP caller gets (contract: messaging 5.4): <c>{"code","message","details"}</c>.</summary>
internal static class GrpcStatusJson
{
    private static readonly TypeRegistry KnownDetails = TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor);
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(KnownDetails));
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ReadOnlyMemory<byte> Write(int code, string message, IReadOnlyList<byte[]> details)
    {
        var output = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        json.WriteNumber("code"u8, code);
        json.WriteString("message"u8, message);
        if (details.Count > 0)
        {
            json.WriteStartArray("details"u8);
            foreach (var detail in details)
            {
                Write(json, Any.Parser.ParseFrom(detail));
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
        return output.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter json, Any detail)
    {
        if (KnownDetails.Find(Any.GetTypeName(detail.TypeUrl)) is not null)
        {
            json.WriteRawValue(Formatter.Format(detail));
            return;
        }

        // A type that only the app knows is shown with its bytes rather than dropped.
        json.WriteStartObject();
        json.WriteString("@type"u8, detail.TypeUrl);
        json.WriteBase64String("value"u8, detail.Value.Span);
        json.WriteEndObject();
    }
}
