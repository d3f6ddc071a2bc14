using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Sidecar.Secrets;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>The secrets API over HTTP (contract: api 1.12).</summary>
internal sealed class SecretRoutes(SecretsBlock secrets)
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The routes; <c>bulk</c> goes before a secret of that name.</summary>
    public IReadOnlyList<ApiRoute> Routes =>
    [
        new("GET", "v1.0", "secrets/{secretStoreName}/bulk", "GetBulkSecret", "secrets", BulkGetAsync),
        new("GET", "v1.0", "secrets/{secretStoreName}/{key}", "GetSecret", "secrets", GetAsync),
    ];

    private async ValueTask GetAsync(HttpContext context, RouteValues route)
    {
        var secret = await secrets.GetAsync(route[0], route[1], QueryMetadata.Read(context.Request), context.RequestAborted);
        if (secret.Count == 0)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await WriteAsync(context, secret, static (json, s) => Write(json, s));
    }

    private async ValueTask BulkGetAsync(HttpContext context, RouteValues route)
    {
        var all = await secrets.BulkGetAsync(route[0], QueryMetadata.Read(context.Request), context.RequestAborted);
        await WriteAsync(context, all, static (json, all) =>
        {
            json.WriteStartObject();
            foreach (var (name, secret) in all)
            {
                json.WritePropertyName(name);
                Write(json, secret);
            }

            json.WriteEndObject();
        });
    }

    private static async ValueTask WriteAsync<T>(HttpContext context, T value, Action<Utf8JsonWriter, T> write)
    {
        context.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(context.Response.BodyWriter, WriterOptions))
        {
            write(json, value);
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, string> secret)
    {
        json.WriteStartObject();
        foreach (var (key, value) in secret)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }
}
