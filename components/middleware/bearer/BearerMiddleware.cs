using DaprK8s.Common.Identity.Jwt;
using DaprK8s.Components.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.Bearer;

/// <summary>
/// Lets only requests with a valid token of an OpenID Connect issuer pass (contract: security 6). The token stays on the request,
/// for the app to read.
/// </summary>
internal sealed class BearerMiddleware : IHttpMiddleware
{
    private const string Prefix = "Bearer ";
    private const int MinTokenLength = 10;

    private static readonly MetadataField<string> Issuer = Field.Text(
        "issuer", "The issuer, exactly as its tokens name it. Required.", aliases: "issuerURL");

    private static readonly MetadataField<string> Audience = Field.Text(
        "audience", "Whom tokens must be meant for, usually a client id. Required.", aliases: "clientID");

    private static readonly MetadataField<string> JwksUrl = Field.Text(
        "jwksURL", "Where the issuer's keys are; found through its configuration document when left out.");

    private IssuerKeys? keys;
    private JwtExpectations? expectations;
    private ILogger? logger;
    private string logName = "";

    public static ProviderDescriptor Describe()
        => new("Verifies bearer tokens against an OpenID Connect issuer.", [Issuer, Audience, JwksUrl], () => new BearerMiddleware());

    public async Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var issuer = Required(context, Issuer);
        expectations = new JwtExpectations { Issuer = issuer, Audiences = [Required(context, Audience)], Time = context.Time };
        (logger, logName) = (context.Logger, context.LogName);
        var provider = new OpenIdProvider();
        try
        {
            var url = context.Metadata.Get(JwksUrl) is { Length: > 0 } given ? given : await DiscoverAsync(provider, issuer, cancellationToken);
            var first = await FetchAsync(provider, url, cancellationToken);
            keys = new IssuerKeys(provider, url, first, context.Logger, context.LogName, context.Time);
        }
        catch
        {
            provider.Dispose();
            throw;
        }
    }

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (TokenOf(context.Request) is not { } token)
        {
            await RefuseAsync(context, "Bearer");
            return;
        }

        if (!await IsValidAsync(token, context.RequestAborted))
        {
            await RefuseAsync(context, "Bearer error=\"invalid_token\"");
            return;
        }

        await next(context);
    }

    public ValueTask DisposeAsync()
    {
        keys?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<bool> IsValidAsync(string token, CancellationToken cancellationToken)
    {
        var seen = await keys!.GetAsync(cancellationToken);
        if (IsValid(token, seen))
        {
            return true;
        }

        return await keys.RefreshAsync(seen, cancellationToken) is { } fresh && IsValid(token, fresh);
    }

    private bool IsValid(string token, JsonWebKeySet set)
    {
        try
        {
            JwtVerifier.Verify(token, set, expectations!);
            return true;
        }
        catch (JwtException e)
        {
            logger!.LogDebug("{Component}: a token is refused: {Reason}", logName, e.Message);
            return false;
        }
    }

    // Of two headers the app might read the other one.
    private static string? TokenOf(HttpRequest request)
        => request.Headers.Authorization is [{ } value] && value.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && value.Length >= Prefix.Length + MinTokenLength
            ? value[Prefix.Length..]
            : null;

    private static Task RefuseAsync(HttpContext context, string challenge)
    {
        context.Response.Headers.WWWAuthenticate = challenge;
        return PlainAnswer.WriteAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized");
    }

    private static string Required(ComponentContext context, MetadataField<string> field)
        => context.Metadata.Get(field) is { Length: > 0 } value ? value
            : throw new ComponentMetadataException(field.Name, $"metadata property '{field.Name}' is required");

    private static async Task<string> DiscoverAsync(OpenIdProvider provider, string issuer, CancellationToken cancellationToken)
    {
        try
        {
            return await provider.FindKeysAsync(issuer, cancellationToken);
        }
        catch (IssuerMismatchException e)
        {
            throw new ComponentMetadataException(Issuer.Name, $"failed to retrieve OpenID Configuration document: {e.Message}");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new InvalidOperationException($"failed to retrieve OpenID Configuration document: {e.Message}", e);
        }
    }

    private static async Task<JsonWebKeySet> FetchAsync(OpenIdProvider provider, string url, CancellationToken cancellationToken)
    {
        try
        {
            return await provider.ReadKeysAsync(url, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new InvalidOperationException($"failed to fetch JWKS: {e.Message}", e);
        }
    }
}
