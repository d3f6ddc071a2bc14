using System.Text.Json;
using DaprK8s.Common.Identity.Jwt;

namespace DaprK8s.Components.Middleware.Bearer;

/// <summary>Fetches what an issuer of tokens publishes: its configuration document and its keys. Nothing larger than a key set may be is read.</summary>
internal sealed class OpenIdProvider : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient client = new(new SocketsHttpHandler
    {
        ConnectTimeout = TimeSpan.FromSeconds(15),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
        UseCookies = false,
        ActivityHeadersPropagator = null,
        SslOptions = { EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls12 | System.Security.Authentication.SslProtocols.Tls13 },
    })
    { Timeout = Timeout, MaxResponseContentBufferSize = JsonWebKeySet.MaxBytes };

    /// <summary>Where the issuer's configuration document says that its keys are.</summary>
    /// <exception cref="IssuerMismatchException">The document is another issuer's.</exception>
    public async Task<string> FindKeysAsync(string issuer, CancellationToken cancellationToken)
    {
        var body = await GetAsync(issuer.TrimEnd('/') + "/.well-known/openid-configuration", cancellationToken);
        using var document = JsonDocument.Parse(body);
        if (Text(document.RootElement, "jwks_uri") is not { Length: > 0 } keys)
        {
            throw new InvalidDataException("the OpenID Configuration document does not contain a 'jwks_uri'");
        }

        // A slash more or less makes another issuer (OpenID Connect Discovery, section 4.3).
        return Text(document.RootElement, "issuer") is var found && found == issuer ? keys : throw new IssuerMismatchException(found ?? "", issuer);
    }

    /// <summary>Reads the keys.</summary>
    /// <exception cref="JwtException">It is no key set, or none of its keys can be used.</exception>
    public async Task<JsonWebKeySet> ReadKeysAsync(string url, CancellationToken cancellationToken)
    {
        var set = JsonWebKeySet.Parse(await GetAsync(url, cancellationToken));
        return set.Keys.Count > 0 ? set : throw new JwtException("the key set holds no usable key");
    }

    public void Dispose() => client.Dispose();

    private async Task<byte[]> GetAsync(string url, CancellationToken cancellationToken)
    {
        using var response = await client.GetAsync(url, cancellationToken);
        return (int)response.StatusCode == 200
            ? await response.Content.ReadAsByteArrayAsync(cancellationToken)
            : throw new HttpRequestException($"invalid response status code: {(int)response.StatusCode}");
    }

    private static string? Text(JsonElement document, string name)
        => document.ValueKind == JsonValueKind.Object && document.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}

/// <summary>The configuration document belongs to another issuer than the one that is trusted.</summary>
internal sealed class IssuerMismatchException(string found, string expected)
    : Exception($"the issuer found in the OpenID Configuration document ('{found}') doesn't match the one provided in the component's metadata ('{expected}')");
