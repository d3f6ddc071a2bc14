using System.Globalization;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.Middleware.OAuth2;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.Middleware.OAuth2ClientCredentials;

/// <summary>
/// Gives requests the token of the OAuth2 client credentials flow in a header of choice (contract: security 6). Without a token a
/// request is answered with 500 and goes no further; the reference ends it with an empty 200, which a caller takes for success.
/// </summary>
internal sealed class OAuth2ClientCredentialsMiddleware : IHttpMiddleware
{
    private static readonly MetadataField<string> ClientId = Field.Text("clientID", "The client's id at the OAuth2 server.", required: true);

    private static readonly MetadataField<string> ClientSecret = Field.Text(
        "clientSecret", "The client's secret.", required: true, sensitive: true);

    private static readonly MetadataField<string> Scopes = Field.Text("scopes", "Comma list of the scopes to ask for.", required: true);
    private static readonly MetadataField<string> TokenUrl = Field.Text("tokenURL", "The token endpoint.", required: true);
    private static readonly MetadataField<string> HeaderName = Field.Text("headerName", "The header that gets the token.", required: true);

    private static readonly MetadataField<string> EndpointParameters = Field.Text(
        "endpointParamsQuery", "More parameters of the token request, written as a query: a=1&b=2.");

    private static readonly MetadataField<string> AuthStyle = Field.Text(
        "authStyle", "Where the client's credentials stand: 1 in the form, 2 in the Authorization header, 0 finds out.", "0");

    private PathFilter? filter;
    private TokenEndpoint? endpoint;
    private CachedToken? token;
    private string headerName = "";

    public static ProviderDescriptor Describe() => new(
        "Adds the token of the OAuth2 client credentials flow to requests.",
        [ClientId, ClientSecret, Scopes, TokenUrl, HeaderName, EndpointParameters, AuthStyle, PathFilter.Field],
        static () => new OAuth2ClientCredentialsMiddleware());

    public Task InitAsync(ComponentContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Metadata;
        var style = CheckAll(metadata);
        filter = PathFilter.Read(metadata);
        headerName = metadata.Get(HeaderName);
        endpoint = new TokenEndpoint(TokenEndpoint.ReadUrl(metadata, TokenUrl), metadata.Get(ClientId), metadata.Get(ClientSecret), style);
        var grant = Grant(metadata);
        token = new CachedToken(stop => endpoint.RequestAsync(grant, stop), context);
        return Task.CompletedTask;
    }

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (filter!.Matches(context.Request))
        {
            if (await token!.GetAsync(context.RequestAborted) is not { } value)
            {
                await PlainAnswer.FailedAsync(context);
                return;
            }

            context.Request.Headers[headerName] = value;
        }

        await next(context);
    }

    public ValueTask DisposeAsync()
    {
        token?.Dispose();
        endpoint?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static List<KeyValuePair<string, string>> Grant(ComponentMetadata metadata)
    {
        var scopes = metadata.Get(Scopes).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        List<KeyValuePair<string, string>> grant = [new("grant_type", "client_credentials"), new("scope", string.Join(' ', scopes))];
        foreach (var (name, values) in QueryHelpers.ParseQuery(metadata.Get(EndpointParameters)))
        {
            // A parameter that is given by hand replaces ours, as an audience or another grant type may have to.
            grant.RemoveAll(p => p.Key == name);
            grant.AddRange(values.Select(v => new KeyValuePair<string, string>(name, v ?? "")));
        }

        return grant;
    }

    // All that is wrong at once, in the words tools look for.
    private static ClientAuthentication CheckAll(ComponentMetadata metadata)
    {
        var problems = "";
        MetadataField? first = null;
        foreach (var field in (MetadataField<string>[])[HeaderName, ClientId, ClientSecret, Scopes, TokenUrl])
        {
            if (metadata.Get(field).Length == 0)
            {
                problems += $"Parameter '{field.Name}' needs to be set. ";
                first ??= field;
            }
        }

        var text = metadata.Get(AuthStyle).Trim();
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var style) || style is < 0 or > 2)
        {
            problems += $"Parameter 'authStyle' can only have the values 0,1,2. Received: '{text}'. ";
            first ??= AuthStyle;
        }

        if (first is null && !HeaderText.IsToken(metadata.Get(HeaderName)))
        {
            problems += "Parameter 'headerName' is not the name of a header. ";
            first = HeaderName;
        }

        return first is null ? (ClientAuthentication)style : throw new ComponentMetadataException(first.Name, $"metadata errors: {problems}");
    }
}
