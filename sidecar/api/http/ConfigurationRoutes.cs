using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Sidecar.ConfigurationApi;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>The configuration API over HTTP (contract: api 1.13).</summary>
internal sealed class ConfigurationRoutes(ConfigurationBlock configuration, AppUpdates app)
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The routes, each in two versions.</summary>
    public IReadOnlyList<ApiRoute> Routes => [.. Of("v1.0"), .. Of("v1.0-alpha1")];

    private IEnumerable<ApiRoute> Of(string version) =>
    [
        new("GET", version, "configuration/{store}", "GetConfiguration", "configuration", GetAsync),
        new("GET", version, "configuration/{store}/subscribe", "SubscribeConfiguration", "configuration", SubscribeAsync),
        new("GET", version, "configuration/{store}/{id}/unsubscribe", "UnsubscribeConfiguration", "configuration", UnsubscribeAsync),
    ];

    private async ValueTask GetAsync(HttpContext context, RouteValues route)
    {
        var items = await configuration.GetAsync(route[0], Keys(context), QueryMetadata.Read(context.Request), context.RequestAborted);
        if (items.Count == 0)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        await WriteAsync(context, json => ConfigurationJson.Write(json, items));
    }

    private async ValueTask SubscribeAsync(HttpContext context, RouteValues route)
    {
        if (!app.HasApp)
        {
            throw ConfigurationErrors.NoAppChannel().ToException();
        }

        var subscription = await configuration.SubscribeAsync(
            route[0], Keys(context), QueryMetadata.Read(context.Request), app.PushAsync, context.RequestAborted);
        await WriteAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteString("id", subscription.Id);
            json.WriteEndObject();
        });
    }

    private async ValueTask UnsubscribeAsync(HttpContext context, RouteValues route)
    {
        var refusal = await configuration.UnsubscribeAsync(route[0], route[1]);
        context.Response.StatusCode = refusal is null ? StatusCodes.Status200OK : StatusCodes.Status500InternalServerError;
        await WriteAsync(context, json =>
        {
            json.WriteStartObject();
            if (refusal is null)
            {
                json.WriteBoolean("ok", true);
            }
            else
            {
                json.WriteString("message", ConfigurationErrors.UnsubscribeText(route[1], refusal));
            }

            json.WriteEndObject();
        });
    }

    private static IReadOnlyList<string> Keys(HttpContext context)
        => context.Request.Query.TryGetValue("key", out var keys) ? [.. keys.Where(k => !string.IsNullOrEmpty(k)).Select(k => k!)] : [];

    private static async ValueTask WriteAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        context.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(context.Response.BodyWriter, WriterOptions))
        {
            write(json);
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }
}
