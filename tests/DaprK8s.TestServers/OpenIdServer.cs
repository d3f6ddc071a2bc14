using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.TestServers;

/// <summary>An OpenID Connect issuer over HTTP: its configuration document and its keys, which the test may change.</summary>
public sealed class OpenIdServer : IAsyncDisposable
{
    private readonly WebApplication web;
    private int keyFetches;

    private OpenIdServer(WebApplication web) => this.web = web;

    /// <summary>The issuer, as its tokens name it.</summary>
    public string Issuer => web.Urls.Single();

    /// <summary>What the configuration document says; the issuer itself when <see langword="null"/>.</summary>
    public string? ClaimedIssuer { get; set; }

    /// <summary>Published at the moment.</summary>
    public IReadOnlyList<TokenKey> Keys { get; set; } = [];

    /// <summary>What it answers instead of its keys, if not 200.</summary>
    public int KeyStatus { get; set; } = 200;

    /// <summary>How often its keys were asked for.</summary>
    public int KeyFetches => Volatile.Read(ref keyFetches);

    public static async Task<OpenIdServer> StartAsync(params TokenKey[] keys)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new OpenIdServer(builder.Build()) { Keys = keys };
        server.web.Run(server.HandleAsync);
        await server.web.StartAsync();
        return server;
    }

    /// <summary>The claims of a good token.</summary>
    public JsonObject Claims(string audience) => new()
    {
        ["iss"] = Issuer,
        ["aud"] = audience,
        ["sub"] = "somebody",
        ["exp"] = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds(),
    };

    public ValueTask DisposeAsync() => web.DisposeAsync();

    private Task HandleAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/.well-known/openid-configuration":
                return AnswerAsync(context, Encoding.UTF8.GetBytes(new JsonObject { ["issuer"] = ClaimedIssuer ?? Issuer, ["jwks_uri"] = Issuer + "/keys" }.ToJsonString()));
            case "/keys":
                Interlocked.Increment(ref keyFetches);
                context.Response.StatusCode = KeyStatus;
                return KeyStatus == 200 ? AnswerAsync(context, TokenKey.Set([.. Keys])) : Task.CompletedTask;
            default:
                context.Response.StatusCode = 404;
                return Task.CompletedTask;
        }
    }

    private static Task AnswerAsync(HttpContext context, byte[] json)
    {
        context.Response.ContentType = "application/json";
        return context.Response.Body.WriteAsync(json).AsTask();
    }
}
