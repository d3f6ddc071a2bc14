using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using DaprK8s.Components;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.Invocation;
using DaprK8s.Sidecar.Resiliency;
using DaprK8s.Sidecar.Runtime;
using DaprK8s.Sidecar.Tracing;
using DaprK8s.Sidecar.Wire;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.ConfigurationApi;

/// <summary>
/// Pushes updates to the app, for subscriptions that it made over HTTP: one call a changed key, each with the whole update
/// (contract: api 3.8). One that the app does not take is logged and not pushed again.
/// </summary>
internal sealed class AppUpdates(AppChannel app, IResiliency resiliency, ILogger logger)
{
    private const string Json = "application/json";
    private const int Ok = 200;

    private IHttpAppChannel? Http => app.Http;

    /// <summary>Whether there is an app to push to.</summary>
    public bool HasApp => app.Http is not null || app.Grpc is not null;

    /// <summary>Pushes an update; never throws but for the end of the subscription.</summary>
    public async ValueTask PushAsync(
        string subscription, ComponentHandle component, IReadOnlyDictionary<string, ConfigurationItem> items, CancellationToken cancellationToken)
    {
        var body = Write(subscription, items);
        foreach (var key in items.Keys.Order(StringComparer.Ordinal))
        {
            try
            {
                var path = $"configuration/{component.Name}/{Uri.EscapeDataString(key)}";
                var policy = resiliency.ForComponent(component, FlowDirection.Inbound);
                _ = policy is null
                    ? await CallAsync((this, path, body), cancellationToken)
                    : await policy.RunAsync(static (s, ct) => CallAsync(s, ct), (this, path, body), cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                logger.LogError("error sending configuration item to application, store {Store}, key {Key}: {Error}", component.Name, key, e.Message);
            }
        }
    }

    private static async ValueTask<bool> CallAsync((AppUpdates Self, string Path, ReadOnlyMemory<byte> Body) call, CancellationToken cancellationToken)
    {
        var status = call.Self.Http is { } http
            ? (await http.SendAsync(new AppCall("/" + call.Path, call.Body, Json), cancellationToken)).Status
            : await call.Self.InvokeAsync(call.Path, call.Body, cancellationToken);
        return status == Ok ? true : throw new AppRefusedException($"error sending configuration item to application, status {status}", status);
    }

    // A gRPC app has no method of its own for updates, so that they come as invocations.
    private async ValueTask<int> InvokeAsync(string path, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var request = new InvokeRequest { Method = path, Verb = "POST", Headers = new HeaderList(0), ContentType = Json, ContentLength = body.Length };
        request.Replay(body);
        await using var answer = await app.RequireTarget("app channel is not initialized").InvokeAsync(request, cancellationToken);
        return answer.Code == (int)StatusCode.OK ? Ok : answer.Code;
    }

    private static ReadOnlyMemory<byte> Write(string subscription, IReadOnlyDictionary<string, ConfigurationItem> items)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("id", subscription);
            json.WritePropertyName("items");
            ConfigurationJson.Write(json, items);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
