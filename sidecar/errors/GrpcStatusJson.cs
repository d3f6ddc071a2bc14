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
                Write(json, detail);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
        return output.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter json, byte[] serialised)
    {
        Any detail;
        try
        {
            detail = Any.Parser.ParseFrom(serialised);
            if (KnownDetails.Find(Any.GetTypeName(detail.TypeUrl)) is not null)
            {
                json.WriteRawValue(Formatter.Format(detail));
                return;
            }
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidOperationException)
        {
            detail = new Any { Value = ByteString.CopyFrom(serialised) };
        }

        // A type that only the app knows, or that can't be read, is shown with its bytes rather than dropped.
        json.WriteStartObject();
        json.WriteString("@type"u8, detail.TypeUrl);
        json.WriteBase64String("value"u8, detail.Value.Span);
        json.WriteEndObject();
    }
}
