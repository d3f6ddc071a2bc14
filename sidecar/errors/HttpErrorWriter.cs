using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Errors;

/// <summary>Writes a <see cref="DaprError"/> as the JSON body of the HTTP API (contract: api 1.4).</summary>
internal static class HttpErrorWriter
{
    private const string TypePrefix = "type.googleapis.com/google.rpc.";

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Answers with the error, unless the response has begun; then the connection is cut, so that no one takes half an answer for a whole.</summary>
    public static ValueTask WriteAsync(HttpContext context, DaprError error)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return ValueTask.CompletedTask;
        }

        var body = new ArrayBufferWriter<byte>(256);
        Write(body, error);
        context.Response.StatusCode = error.Http;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.WrittenCount;
        return new ValueTask(context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted).AsTask());
    }

    public static void Write(IBufferWriter<byte> output, DaprError error)
    {
        using var json = new Utf8JsonWriter(output, Options);
        json.WriteStartObject();
        json.WriteString("errorCode"u8, error.Code);
        json.WriteString("message"u8, error.HttpMessage ?? error.Message);
        if (error.Reason is { } reason)
        {
            json.WriteStartArray("details"u8);
            WriteErrorInfo(json, reason, error.Metadata);
            WriteOthers(json, error);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteErrorInfo(Utf8JsonWriter json, string reason, IReadOnlyDictionary<string, string>? metadata)
    {
        json.WriteStartObject();
        json.WriteString("@type"u8, TypePrefix + "ErrorInfo");
        json.WriteString("domain"u8, "dapr.io");
        if (metadata is null)
        {
            json.WriteNull("metadata"u8);
        }
        else
        {
            json.WriteStartObject("metadata"u8);
            foreach (var (name, value) in metadata)
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteString("reason"u8, reason);
        json.WriteEndObject();
    }

    private static void WriteOthers(Utf8JsonWriter json, DaprError error)
    {
        if (error.Resource is { } resource)
        {
            json.WriteStartObject();
            json.WriteString("@type"u8, TypePrefix + "ResourceInfo");
            json.WriteString("resource_type"u8, resource.Type);
            json.WriteString("resource_name"u8, resource.Name);
            json.WriteString("owner"u8, resource.Owner);
            json.WriteString("description"u8, resource.Description);
            json.WriteEndObject();
        }

        if (error.FieldViolation is var (field, description))
        {
            json.WriteStartObject();
            json.WriteString("@type"u8, TypePrefix + "BadRequest");
            json.WriteStartArray("field_violations"u8);
            json.WriteStartObject();
            json.WriteString("field"u8, field);
            json.WriteString("description"u8, description);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (error.HelpLink is var (url, text))
        {
            json.WriteStartObject();
            json.WriteString("@type"u8, TypePrefix + "Help");
            json.WriteStartArray("links"u8);
            json.WriteStartObject();
            json.WriteString("url"u8, url);
            json.WriteString("description"u8, text);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
