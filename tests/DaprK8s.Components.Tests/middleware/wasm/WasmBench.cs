using DaprK8s.Components.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DaprK8s.Components.Tests.Middleware.Wasm;

/// <summary>Starts a server whose requests go through a guest, before an app that tells what it got.</summary>
public abstract class WasmBench : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> owned = [];

    private protected RecordingLogger Log { get; } = new();

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        owned.Reverse();
        foreach (var one in owned)
        {
            await one.DisposeAsync();
        }
    }

    private protected async Task<IHttpMiddleware> LoadAsync(byte[] guest, params (string Name, string Value)[] settings)
    {
        var file = await Guest.FileAsync(guest);
        owned.Add(file);
        Dictionary<string, string> metadata = new() { ["url"] = "file://" + file.Path };
        return await ComponentUnderTest.StartAsync<IHttpMiddleware>(
            "middleware.http.wasm", ComponentUnderTest.Merge(metadata, settings.Select(s => KeyValuePair.Create(s.Name, s.Value))), logger: Log);
    }

    private protected Task<OneMiddleware> StartAsync(byte[] guest, params (string Name, string Value)[] settings) => StartAsync(guest, TellAsync, settings);

    private protected async Task<OneMiddleware> StartAsync(byte[] guest, RequestDelegate app, params (string Name, string Value)[] settings)
    {
        var server = await OneMiddleware.StartAsync(await LoadAsync(guest, settings), app);
        owned.Add(server);
        return server;
    }

    private protected static async Task<string> Text(HttpResponseMessage answer) => await answer.Content.ReadAsStringAsync(Stop);

    private protected static async Task<string> Text(Task<HttpResponseMessage> pending)
    {
        using var answer = await pending;
        return await Text(answer);
    }

    /// <summary>Method, target, headers that begin with x, and body.</summary>
    private static async Task TellAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = await reader.ReadToEndAsync(context.RequestAborted);
        var headers = context.Request.Headers.Where(h => h.Key.StartsWith("x", StringComparison.OrdinalIgnoreCase)).OrderBy(h => h.Key, StringComparer.Ordinal).Select(h => $" {h.Key}={string.Join('|', h.Value.ToArray())}");
        context.Response.Headers["x-app"] = "yes";
        await context.Response.WriteAsync(
            $"{context.Request.Method} {context.Features.Get<IHttpRequestFeature>()!.RawTarget} {context.Request.Path}{context.Request.QueryString}{string.Concat(headers)} [{body}]");
    }
}
