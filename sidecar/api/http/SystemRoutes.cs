using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Common.Text;
using DaprK8s.Sidecar.Errors;
using DaprK8s.Sidecar.PubSub.Subscriptions;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sidecar.Api.Http;

/// <summary>Health, metadata and shutdown over HTTP (contract: api 1.19 to 1.21).</summary>
internal sealed class SystemRoutes(
    SidecarInfo self, Readiness readiness, SidecarMetadata metadata, SubscriptionCatalog subscriptions, Shutdown shutdown)
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public IReadOnlyList<ApiRoute> Routes =>
    [
        new("GET", "v1.0", "healthz", "Healthz", "healthz", HealthAsync) { IsPublic = true, IsAlwaysAllowed = true, NeedsNoToken = true },
        new("GET", "v1.0", "healthz/outbound", "HealthzOutbound", "healthz", OutboundAsync) { IsPublic = true, IsAlwaysAllowed = true, NeedsNoToken = true },
        new("GET", "v1.0", "metadata", "GetMetadata", "metadata", GetMetadataAsync) { IsPublic = true },
        new("PUT", "v1.0", "metadata/{key}", "PutMetadata", "metadata", PutMetadataAsync) { IsPublic = true },
        new("POST", "v1.0", "shutdown", "Shutdown", "shutdown", ShutdownAsync),
    ];

    private ValueTask HealthAsync(HttpContext context, RouteValues route)
    {
        if (readiness.Pending is { Count: > 0 } pending)
        {
            throw CommonErrors.HealthNotReady(pending).ToException();
        }

        if (context.Request.Query["appid"] is { Count: > 0 } id && id[0] != self.AppId)
        {
            throw CommonErrors.AppIdMismatch().ToException();
        }

        context.Response.StatusCode = 204;
        return ValueTask.CompletedTask;
    }

    private ValueTask OutboundAsync(HttpContext context, RouteValues route)
    {
        context.Response.StatusCode = readiness.IsOutboundReady ? 204 : throw CommonErrors.OutboundNotReady(readiness.OutboundProblem).ToException();
        return ValueTask.CompletedTask;
    }

    private async ValueTask PutMetadataAsync(HttpContext context, RouteValues route)
    {
        using var body = await RequestBody.ReadAsync(context, CommonErrors.BodyRead);
        metadata.Set(route[0], Encoding.UTF8.GetString(body.Memory.Span));
        context.Response.StatusCode = 204;
    }

    private ValueTask ShutdownAsync(HttpContext context, RouteValues route)
    {
        shutdown.FromApi(context.Request.Headers["dapr-force-shutdown"]);
        context.Response.StatusCode = 204;
        return ValueTask.CompletedTask;
    }

    private async ValueTask GetMetadataAsync(HttpContext context, RouteValues route)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body, Options))
        {
            Write(json);
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.WrittenCount;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    }

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, metadata.Id);
        json.WriteString("runtimeVersion"u8, SidecarInfo.Version);
        WriteList(json, "enabledFeatures", metadata.EnabledFeatures);
        WriteComponents(json);
        json.WriteStartObject("extended"u8);
        foreach (var (key, value) in metadata.Extended.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
        WriteSubscriptions(json);
        WriteNames(json, "httpEndpoints", metadata.HttpEndpoints);
        WriteApp(json);
        json.WriteStartObject("actorRuntime"u8);
        json.WriteString("runtimeStatus"u8, "DISABLED");
        json.WriteBoolean("hostReady"u8, false);
        json.WriteString("placement"u8, "placement: disconnected");
        json.WriteEndObject();
        WriteNames(json, "resiliencies", metadata.Resiliencies);
        json.WriteEndObject();
    }

    private void WriteComponents(Utf8JsonWriter json)
    {
        var components = metadata.Components.ToArray();
        if (components.Length == 0)
        {
            return;
        }

        json.WriteStartArray("components"u8);
        foreach (var component in components)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, component.Name);
            json.WriteString("type"u8, component.Type);
            if (component.Version.Length > 0)
            {
                json.WriteString("version"u8, component.Version);
            }

            WriteList(json, "capabilities", component.Capabilities);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteSubscriptions(Utf8JsonWriter json)
    {
        var list = subscriptions.List();
        if (list.Count == 0)
        {
            return;
        }

        json.WriteStartArray("subscriptions"u8);
        foreach (var subscription in list)
        {
            json.WriteStartObject();
            json.WriteString("pubsubname"u8, subscription.PubSub);
            json.WriteString("topic"u8, subscription.Topic);
            if (subscription.Metadata.Count > 0)
            {
                json.WriteStartObject("metadata"u8);
                foreach (var (key, value) in subscription.Metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            if (subscription.Rules.Count > 0)
            {
                json.WriteStartArray("rules"u8);
                foreach (var (match, path, _) in subscription.Rules)
                {
                    json.WriteStartObject();
                    json.WriteString("match"u8, match);
                    json.WriteString("path"u8, path);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteString("deadLetterTopic"u8, subscription.DeadLetterTopic);
            json.WriteString("type"u8, subscription.TypeName);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteApp(Utf8JsonWriter json)
    {
        var app = metadata.App;
        if (!app.HasApp)
        {
            return;
        }

        json.WriteStartObject("appConnectionProperties"u8);
        json.WriteNumber("port"u8, app.Port);
        json.WriteString("protocol"u8, app.Protocol.ToString().ToLowerInvariant());
        json.WriteString("channelAddress"u8, app.ChannelAddress);
        if (app.MaxConcurrency > 0)
        {
            json.WriteNumber("maxConcurrency"u8, app.MaxConcurrency);
        }

        if (app.Health is { } health)
        {
            json.WriteStartObject("health"u8);
            if (!app.IsGrpc)
            {
                json.WriteString("healthCheckPath"u8, health.Path);
            }

            json.WriteString("healthProbeInterval"u8, GoDuration.Format(health.Interval));
            json.WriteString("healthProbeTimeout"u8, GoDuration.Format(health.Timeout));
            json.WriteNumber("healthThreshold"u8, health.Threshold);
            json.WriteEndObject();
        }

        json.WriteEndObject();
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

    private static void WriteNames(Utf8JsonWriter json, string name, IEnumerable<string> names)
    {
        var started = false;
        foreach (var value in names)
        {
            if (!started)
            {
                json.WriteStartArray(name);
                started = true;
            }

            json.WriteStartObject();
            json.WriteString("name"u8, value);
            json.WriteEndObject();
        }

        if (started)
        {
            json.WriteEndArray();
        }
    }
}
