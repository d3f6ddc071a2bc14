using DaprK8s.Common.Hosting;
using DaprK8s.Sidecar.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Sidecar.Observability;

/// <summary>The API log (contract: operations 5.3): one line a call, whatever the log level is.</summary>
internal sealed class ApiLog
{
    private readonly Live<ApiLogSettings> settings;
    private readonly ILogger http;
    private readonly ILogger grpc;
    private readonly TimeProvider time;

    public ApiLog(Live<ApiLogSettings> settings, ILoggerFactory loggers, TimeProvider time)
    {
        this.settings = settings;
        http = loggers.CreateLogger("dapr.runtime.http-info");
        grpc = loggers.CreateLogger("dapr.runtime.grpc.api-info");
        this.time = time;
    }

    public bool IsEnabled => settings.Value.IsEnabled;

    /// <summary>Begins an HTTP call's line; disposing it writes it.</summary>
    public HttpEntry Begin(HttpContext context, string path)
        => new(IsLogged(path) ? this : null, context, path, time.GetTimestamp());

    /// <summary>Gives the call the name that stands in for its URL when URLs are obfuscated.</summary>
    public void SetName(HttpContext context, string name)
    {
        if (settings.Value is { IsEnabled: true, ObfuscatesUrls: true })
        {
            context.Items[typeof(ApiLog)] = name;
        }
    }

    public void WriteGrpc(string method, int code, string? userAgent, TimeSpan elapsed)
    {
        if (IsEnabled)
        {
            Write(grpc, "gRPC API Called", new("code", (long)code), elapsed, method, null, userAgent);
        }
    }

    private bool IsLogged(string path)
        => settings.Value is { IsEnabled: true } now && !(now.OmitsHealthChecks && path is "/v1.0/healthz" or "/v1.0/healthz/outbound");

    private void WriteHttp(HttpContext context, string path, long started)
    {
        var method = context.Items.TryGetValue(typeof(ApiLog), out var name) ? (string)name! : $"{context.Request.Method} {path}";
        Write(
            http, "HTTP API Called", new("code", (long)context.Response.StatusCode), time.GetElapsedTime(started), method,
            context.Response.ContentLength ?? 0, context.Request.Headers.UserAgent.ToString());
    }

    private static void Write(
        ILogger logger, string message, KeyValuePair<string, object> code, TimeSpan elapsed, string method, long? size, string? userAgent)
    {
        List<KeyValuePair<string, object>> fields = [code, new("duration", (long)elapsed.TotalMilliseconds), new("method", method)];
        if (size is { } bytes)
        {
            fields.Add(new("size", bytes));
        }

        if (!string.IsNullOrEmpty(userAgent))
        {
            fields.Add(new("useragent", userAgent));
        }

        new LogFields(message, [.. fields], IgnoresLevel: true).WriteTo(logger, LogLevel.Information);
    }

    internal readonly struct HttpEntry(ApiLog? log, HttpContext context, string path, long started) : IDisposable
    {
        public void Dispose() => log?.WriteHttp(context, path, started);
    }
}
