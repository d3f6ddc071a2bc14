using System.Net;
using System.Text.Json;
using DaprK8s.TestServers;

namespace DaprK8s.Sentry.Tests.Server;

/// <summary>OIDC discovery over a real socket, with every rule about hosts.</summary>
public sealed class OidcTests : IDisposable
{
    private const string Discovery = "/.well-known/openid-configuration";
    private readonly TemporaryDirectory directory = new();
    private readonly int port = Loopback.FreePort();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task The_keys_and_the_document_are_served_for_caches()
    {
        await using var sentry = await StartAsync("--oidc-server-tls-enabled=false");
        var keys = await sentry.Http.GetAsync($"http://localhost:{port}/jwks.json", Token);
        Assert.Equal(("application/json", "public, max-age=3600"), (keys.Content.Headers.ContentType!.ToString(), keys.Headers.CacheControl!.ToString()));
        Assert.Equal(File.ReadAllText(directory["credentials/jwks.json"]), await keys.Content.ReadAsStringAsync(Token));

        var document = await GetAsync(sentry, Discovery);
        Assert.Equal(
            """
            {"issuer":"http://localhost:PORT","jwks_uri":"http://localhost:PORT/jwks.json","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"],"scopes_supported":["openid"],"claims_supported":["sub","iss","aud","exp","iat","nbf","use"]}
            """.Replace("PORT", $"{port}", StringComparison.Ordinal),
            document.RootElement.GetRawText());
    }

    [Fact]
    public async Task Only_GET_of_the_two_paths_under_the_prefix_is_answered()
    {
        await using var sentry = await StartAsync("--oidc-server-tls-enabled=false", "--oidc-path-prefix", "/auth/");
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(sentry, HttpMethod.Get, "/auth/jwks.json")).StatusCode);
        Assert.Equal($"http://localhost:{port}/auth/jwks.json", (await GetAsync(sentry, "/auth" + Discovery)).RootElement.GetProperty("jwks_uri").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(sentry, HttpMethod.Get, "/jwks.json")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(sentry, HttpMethod.Get, "/auth/other")).StatusCode);
        var post = await SendAsync(sentry, HttpMethod.Post, "/auth/jwks.json");
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "Method not allowed\n"), (post.StatusCode, await post.Content.ReadAsStringAsync(Token)));
    }

    [Fact]
    public async Task Issuer_and_keys_address_of_the_flags_win()
    {
        await using var sentry = await StartAsync(
            "--oidc-server-tls-enabled=false", "--jwt-issuer", "https://issuer.example/tenant", "--oidc-jwks-uri", "https://keys.example/k");
        var document = await GetAsync(sentry, Discovery);
        Assert.Equal("https://issuer.example/tenant", document.RootElement.GetProperty("issuer").GetString());
        Assert.Equal("https://keys.example/k", document.RootElement.GetProperty("jwks_uri").GetString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("*")]
    public async Task A_forged_forwarded_host_is_never_believed_without_a_list_of_hosts(string allowed)
    {
        await using var sentry = await StartAsync(allowed.Length > 0 ? ["--oidc-server-tls-enabled=false", "--oidc-allowed-hosts", allowed] : ["--oidc-server-tls-enabled=false"]);
        var answer = await SendAsync(sentry, HttpMethod.Get, Discovery, ("X-Forwarded-Host", "evil.example"));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.DoesNotContain("evil", await answer.Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task With_a_list_the_forwarded_host_counts_before_the_host_and_others_are_forbidden()
    {
        await using var sentry = await StartAsync("--oidc-server-tls-enabled=false", "--oidc-allowed-hosts", "good.example,other.example:8443");
        foreach (var (headers, expected, issuer) in new ((string, string)[] Headers, HttpStatusCode Expected, string Issuer)[]
        {
            ([], HttpStatusCode.Forbidden, ""),
            ([("Host", "good.example")], HttpStatusCode.OK, "http://good.example"),
            ([("Host", "good.example:9999")], HttpStatusCode.OK, "http://good.example:9999"),
            ([("X-Forwarded-Host", "good.example")], HttpStatusCode.OK, "http://good.example"),
            ([("X-Forwarded-Host", "other.example:8443")], HttpStatusCode.OK, "http://other.example:8443"),
            ([("X-Forwarded-Host", "other.example")], HttpStatusCode.Forbidden, ""),
            ([("Host", "good.example"), ("X-Forwarded-Host", "evil.example")], HttpStatusCode.Forbidden, ""),
            ([("X-Forwarded-Host", "evil.example/good.example")], HttpStatusCode.BadRequest, ""),
            ([("X-Forwarded-Host", "user@good.example")], HttpStatusCode.BadRequest, ""),
            ([("X-Forwarded-Host", "good.example, evil.example")], HttpStatusCode.BadRequest, ""),
        })
        {
            var answer = await SendAsync(sentry, HttpMethod.Get, Discovery, headers);
            var text = await answer.Content.ReadAsStringAsync(Token);
            Assert.True(expected == answer.StatusCode, $"{string.Join(", ", headers)}: {answer.StatusCode} {text}");
            Assert.Contains(expected switch { HttpStatusCode.OK => $"\"issuer\":\"{issuer}\"", HttpStatusCode.Forbidden => "Forbidden: unauthorized domain", _ => "Invalid host" }, text);
        }
    }

    [Fact]
    public async Task It_speaks_TLS_with_the_files_given_once_they_are_there()
    {
        await using var sentry = RunningSentry.Create(
            directory, "--jwt-enabled", "--oidc-enabled", "--oidc-server-listen-port", $"{port}",
            "--oidc-server-tls-cert-file", directory["tls.crt"], "--oidc-server-tls-key-file", directory["tls.key"]);
        OpenSsl.CreateKey("p256", directory["tls.key"]);
        OpenSsl.Run("req", "-x509", "-new", "-key", directory["tls.key"], "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", directory["tls.crt"]);
        var running = sentry.RunAsync();
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new System.Net.Security.SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, c, _, _) => c!.Subject == "CN=localhost" },
        });
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    return (await client.GetStringAsync($"https://localhost:{port}{Discovery}")).Contains($"\"issuer\":\"https://localhost:{port}\"", StringComparison.Ordinal);
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            "the document over TLS");
        Assert.False(running.IsCompleted);
    }

    private Task<RunningSentry> StartAsync(params string[] flags)
        => RunningSentry.StartAsync(directory, ["--jwt-enabled", "--oidc-enabled", "--oidc-server-listen-port", $"{port}", .. flags]);

    private async Task<JsonDocument> GetAsync(RunningSentry sentry, string path)
        => JsonDocument.Parse(await (await SendAsync(sentry, HttpMethod.Get, path)).Content.ReadAsStringAsync(Token));

    private async Task<HttpResponseMessage> SendAsync(RunningSentry sentry, HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"http://localhost:{port}{path}");
        foreach (var (name, value) in headers)
        {
            Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        }

        return await sentry.Http.SendAsync(request, Token);
    }
}
