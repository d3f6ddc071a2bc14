using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>
/// Lets a browser's requests through once its user has logged in at an OAuth2 server (authorization code flow), and gives them the
/// token in a header (contract: security 6). Sessions are kept in this process under a random id in a cookie; they end with the token.
/// </summary>
/// <remarks>
/// Other than the reference: the way back is always to the host that the browser came from, the token replaces a header that the
/// client sent under its name, and the session's id changes with the login.
/// </remarks>
internal sealed class OAuth2Middleware : IHttpMiddleware
{
    private const int MostLogins = 4096;
    private const int MostSessions = 16 * 1024;
    private const int LongestTarget = 2048;
    private static readonly TimeSpan LoginTime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan WithoutLifetime = TimeSpan.FromHours(2);
    private static readonly TimeSpan LongestSession = TimeSpan.FromHours(24);

    private ComponentContext? self;
    private OAuth2Settings? settings;
    private TokenEndpoint? endpoint;
    private BoundedSessions<PendingLogins>? logins;
    private BoundedSessions<string>? signedIn;
    private string cookie = "";

    public static ProviderDescriptor Describe() => new(
        "Sends browsers to an OAuth2 server to log in, and gives their requests the token.", OAuth2Settings.Fields, static () => new OAuth2Middleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        self = context;
        settings = OAuth2Settings.Read(context.Metadata);
        endpoint = new TokenEndpoint(
            TokenEndpoint.ReadUrl(context.Metadata, OAuth2Settings.TokenUrlField),
            settings.ClientId,
            context.Metadata.Get(OAuth2Settings.ClientSecretField),
            ClientAuthentication.Auto);
        logins = new BoundedSessions<PendingLogins>(MostLogins, context.Time);
        signedIn = new BoundedSessions<string>(MostSessions, context.Time);

        // Of its own name, so that two of them can stand in front of one host.
        cookie = "dapr-oauth2-" + string.Concat(context.Name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '_'));
        return Task.CompletedTask;
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (!settings!.Filter.Matches(context.Request))
        {
            return next(context);
        }

        var id = context.Request.Cookies[cookie];
        if (signedIn!.Find(id) is { } token)
        {
            context.Request.Headers[settings.HeaderName] = token;
            return next(context);
        }

        var state = context.Request.Query["state"].ToString();
        return state.Length == 0 ? SendToLogin(context, id) : FinishLoginAsync(context, id, state);
    }

    public ValueTask DisposeAsync()
    {
        endpoint?.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task SendToLogin(HttpContext context, string? id)
    {
        var state = NewState();
        var pending = logins!.Find(id);
        if (pending is null)
        {
            pending = new PendingLogins();
            SetCookie(context, logins.Add(pending, LoginTime), LoginTime);
        }

        pending.Add(state, Target(context.Request));
        List<KeyValuePair<string, string?>> query =
        [
            new("response_type", "code"), new("client_id", settings!.ClientId), new("state", state), new("access_type", "offline"),
        ];
        if (settings.Scopes.Length > 0)
        {
            query.Add(new("scope", settings.Scopes));
        }

        if (settings.RedirectUrl.Length > 0)
        {
            query.Add(new("redirect_uri", settings.RedirectUrl));
        }

        Redirect(context, QueryHelpers.AddQueryString(settings.AuthUrl.AbsoluteUri, query));
        return Task.CompletedTask;
    }

    private async Task FinishLoginAsync(HttpContext context, string? id, string state)
    {
        if (logins!.Find(id) is not { } pending)
        {
            self!.Logger.LogWarning("{Component}: a login came back without a session, or after more than {Minutes} minutes", self.LogName, LoginTime.TotalMinutes);
            await PlainAnswer.FailedAsync(context);
            return;
        }

        if (!pending.Knows(state))
        {
            await PlainAnswer.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid state");
            return;
        }

        var code = context.Request.Query["code"].ToString();
        if (code.Length == 0)
        {
            await PlainAnswer.WriteAsync(context, StatusCodes.Status400BadRequest, "code not found");
            return;
        }

        if (pending.Take(state) is not { } target)
        {
            await PlainAnswer.WriteAsync(context, StatusCodes.Status400BadRequest, "invalid state");
            return;
        }

        OAuth2Token token;
        try
        {
            token = await endpoint!.RequestAsync(Grant(code), context.RequestAborted);
        }
        catch (TokenRequestException e)
        {
            self!.Logger.LogError("{Component}: a login failed, no token for its code: {Reason}", self.LogName, e.Message);
            await PlainAnswer.FailedAsync(context);
            return;
        }

        // A new id: whoever knew the one from before the login must not have the user's session now.
        var lifetime = token.Lifetime ?? WithoutLifetime;
        lifetime = lifetime < LongestSession ? lifetime : LongestSession;
        logins.Remove(id!);
        SetCookie(context, signedIn!.Add(token.HeaderValue, lifetime), lifetime);
        Redirect(context, target);
    }

    private List<KeyValuePair<string, string>> Grant(string code)
    {
        List<KeyValuePair<string, string>> grant = [new("grant_type", "authorization_code"), new("code", code)];
        if (settings!.RedirectUrl.Length > 0)
        {
            grant.Add(new("redirect_uri", settings.RedirectUrl));
        }

        return grant;
    }

    // Back to where the browser was, on the same host: either without naming it, or the one it named itself. Two slashes at the start
    // would name another.
    private string Target(HttpRequest request)
    {
        var path = "/" + (request.PathBase.ToUriComponent() + request.Path.ToUriComponent()).TrimStart('/', '\\') + request.QueryString.ToUriComponent();
        if (path.Length > LongestTarget)
        {
            path = "/";
        }

        return settings!.ForceHttps && request.Host.HasValue ? "https://" + request.Host.ToUriComponent() + path : path;
    }

    private void SetCookie(HttpContext context, string id, TimeSpan lifetime)
        => context.Response.Cookies.Append(cookie, id, new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Lax,
            Secure = settings!.ForceHttps || context.Request.IsHttps,
            Path = "/",
            MaxAge = lifetime,
        });

    private static void Redirect(HttpContext context, string target)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Redirect(target);
    }

    private static string NewState()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
