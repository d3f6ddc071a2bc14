using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace DaprK8s.Components.Tests.Middleware;

/// <summary>One request to the token endpoint.</summary>
internal sealed record TokenRequest(Dictionary<string, string> Form, string? Authorization);

/// <summary>
/// An OAuth2 server: its authorization endpoint logs everybody in at once, its token endpoint knows the client <c>shop</c> with the
/// secret <c>s3cr3t/+</c> and numbers its tokens.
/// </summary>
internal sealed class OAuth2Server : IAsyncDisposable
{
    public const string ClientId = "shop";
    public const string ClientSecret = "s3cr3t/+";

    private readonly ConcurrentDictionary<string, string> codes = new();
    private readonly ConcurrentQueue<TokenRequest> tokenRequests = new();
    private OneMiddleware? server;
    private int issued;

    /// <summary>Client credentials are taken from the header, and from the form.</summary>
    public (bool Header, bool Form) Accepts { get; set; } = (true, true);

    /// <summary>Replaces the token endpoint's answer.</summary>
    public Func<HttpContext, Task>? Answer { get; set; }

    /// <summary>What the answers say of the lifetime: JSON, or nothing.</summary>
    public string? ExpiresIn { get; set; } = "3600";

    public string TokenType { get; set; } = "bearer";

    /// <summary>The token endpoint waits for this before it answers.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public IReadOnlyList<TokenRequest> TokenRequests => [.. tokenRequests];

    public string AuthUrl => server!.Url + "/authorize?tenant=7";

    public string TokenUrl => server!.Url + "/token";

    public static async Task<OAuth2Server> StartAsync()
    {
        var self = new OAuth2Server();
        self.server = await OneMiddleware.StartAsync(null, self.ServeAsync);
        return self;
    }

    public ValueTask DisposeAsync() => server!.DisposeAsync();

    private Task ServeAsync(HttpContext context)
        => context.Request.Path.Value switch
        {
            "/authorize" => Authorize(context),
            "/token" => TokenAsync(context),
            _ => NotFound(context),
        };

    private static Task NotFound(HttpContext context)
    {
        context.Response.StatusCode = 404;
        return Task.CompletedTask;
    }

    private Task Authorize(HttpContext context)
    {
        var query = context.Request.Query;
        if (query["response_type"] != "code" || query["client_id"] != ClientId || query["access_type"] != "offline" || query["tenant"] != "7")
        {
            context.Response.StatusCode = 400;
            return Task.CompletedTask;
        }

        var code = Guid.NewGuid().ToString("N");
        codes[code] = query["redirect_uri"].ToString();
        context.Response.Redirect($"{query["redirect_uri"]}?code={code}&state={query["state"]}");
        return Task.CompletedTask;
    }

    private async Task TokenAsync(HttpContext context)
    {
        var form = (await context.Request.ReadFormAsync()).ToDictionary(f => f.Key, f => f.Value.ToString());
        var authorization = (string?)context.Request.Headers.Authorization;
        tokenRequests.Enqueue(new TokenRequest(form, authorization));
        await Gate;
        if (Answer is { } own)
        {
            await own(context);
            return;
        }

        var known = authorization is not null
            ? Accepts.Header && authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{ClientId}:{Uri.EscapeDataString(ClientSecret)}"))
            : Accepts.Form && form.GetValueOrDefault("client_id") == ClientId && form.GetValueOrDefault("client_secret") == ClientSecret;
        if (!known)
        {
            await WriteAsync(context, 401, """{"error":"invalid_client","error_description":"who is s3cr3t/+?"}""");
            return;
        }

        var granted = form.GetValueOrDefault("grant_type") switch
        {
            "client_credentials" => true,
            "authorization_code" => codes.TryRemove(form["code"], out var redirect) && redirect == form.GetValueOrDefault("redirect_uri"),
            _ => false,
        };
        await (granted
            ? WriteAsync(context, 200, $$"""
                {"access_token":"token-{{Interlocked.Increment(ref issued)}}","token_type":"{{TokenType}}"{{(ExpiresIn is null ? "" : $",\"expires_in\":{ExpiresIn}")}}}
                """)
            : WriteAsync(context, 400, """{"error":"invalid_grant"}"""));
    }

    public static Task WriteAsync(HttpContext context, int status, string text, string contentType = "application/json")
    {
        context.Response.StatusCode = status;
        context.Response.Headers.ContentType = new StringValues(contentType);
        return context.Response.WriteAsync(text);
    }
}
