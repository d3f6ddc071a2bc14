using System.Buffers;
using System.Text.Json;
using DaprK8s.Sentry.Jwt;
using Microsoft.AspNetCore.Http;

namespace DaprK8s.Sentry.Oidc;

/// <summary>
/// The discovery document and the public keys of the JWTs (OpenID Connect Discovery; contract: security 1.15). Which host a request
/// claims to be for decides on addresses in the answer only within the allow list.
/// </summary>
internal sealed class OidcEndpoint(OidcOptions options, JwtSettings jwt, Func<JwtMaterial?> material)
{
    private const string KeysPath = "/jwks.json";
    private const string DiscoveryPath = "/.well-known/openid-configuration";
    private const string Anything = "*";

    private readonly bool anyHost = options.AllowedHosts.Contains(Anything);

    /// <summary>Answers a request.</summary>
    public Task HandleAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (path != options.PathPrefix + KeysPath && path != options.PathPrefix + DiscoveryPath)
        {
            return RefuseAsync(context, StatusCodes.Status404NotFound, "404 page not found");
        }

        if (!TryFindHost(context.Request, out var host))
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "Invalid host");
        }

        if (!IsAllowed(host))
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden, "Forbidden: unauthorized domain");
        }

        if (!HttpMethods.IsGet(context.Request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "Method not allowed");
        }

        return path.EndsWith(KeysPath, StringComparison.Ordinal) ? ServeKeysAsync(context) : ServeDiscoveryAsync(context, host);
    }

    private Task ServeKeysAsync(HttpContext context)
        => material() is { } keys
            ? WriteAsync(context, keys.Jwks)
            : RefuseAsync(context, StatusCodes.Status404NotFound, "JWKS not available");

    private Task ServeDiscoveryAsync(HttpContext context, string host)
    {
        if (material() is not { } keys)
        {
            return RefuseAsync(context, StatusCodes.Status404NotFound, "OIDC configuration not available");
        }

        var issuer = jwt.Issuer.Length > 0 ? jwt.Issuer : $"{(context.Request.IsHttps ? "https" : "http")}://{host}";
        var document = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(document))
        {
            json.WriteStartObject();
            json.WriteString("issuer", issuer);
            json.WriteString("jwks_uri", options.JwksUri.Length > 0 ? options.JwksUri : Resolve(issuer));
            WriteList(json, "response_types_supported", "id_token");
            WriteList(json, "subject_types_supported", "public");
            WriteList(json, "id_token_signing_alg_values_supported", keys.Algorithm);
            WriteList(json, "scopes_supported", "openid");
            WriteList(json, "claims_supported", "sub", "iss", "aud", "exp", "iat", "nbf", "use");
            json.WriteEndObject();
        }

        return WriteAsync(context, document.WrittenMemory);
    }

    // The path replaces that of the issuer, as a reference that begins with a slash does.
    private string Resolve(string issuer)
        => Uri.TryCreate(issuer, UriKind.Absolute, out var uri) && Uri.TryCreate(uri, options.PathPrefix + KeysPath, out var keys)
            ? keys.ToString() : issuer.TrimEnd('/') + options.PathPrefix + KeysPath;

    // A forwarded host may name whatever the client likes; it counts only where a list bounds it (CWE-346).
    private bool TryFindHost(HttpRequest request, out string host)
    {
        host = request.Host.Value ?? "";
        if (options.AllowedHosts.Count > 0 && !anyHost && request.Headers.TryGetValue("X-Forwarded-Host", out var forwarded) && forwarded.ToString() is { Length: > 0 } named)
        {
            host = named;
        }

        return host.Length > 0 && Uri.TryCreate($"http://{host}/", UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0
            && uri.PathAndQuery == "/" && uri.Fragment.Length == 0 && host.AsSpan().IndexOfAny("/\\@?# ,") < 0;
    }

    private bool IsAllowed(string host)
        => options.AllowedHosts.Count == 0 || anyHost
            || options.AllowedHosts.Contains(host, StringComparer.OrdinalIgnoreCase)
            || options.AllowedHosts.Contains(WithoutPort(host), StringComparer.OrdinalIgnoreCase);

    private static string WithoutPort(string host)
    {
        var colon = host.LastIndexOf(':');
        return colon > host.LastIndexOf(']') ? host[..colon] : host;
    }

    private static void WriteList(Utf8JsonWriter json, string name, params ReadOnlySpan<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> json)
    {
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "public, max-age=3600";
        context.Response.ContentLength = json.Length;
        return context.Response.Body.WriteAsync(json, context.RequestAborted).AsTask();
    }

    private static Task RefuseAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }
}
