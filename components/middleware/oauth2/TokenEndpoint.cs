using System.Net;
using System.Net.Http.Headers;
using System.Text;
using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>Where a client's id and secret stand in a token request.</summary>
internal enum ClientAuthentication
{
    /// <summary>Found out by trying: the header first.</summary>
    Auto = 0,

    /// <summary><c>client_id</c> and <c>client_secret</c> in the form.</summary>
    Form = 1,

    /// <summary>HTTP Basic.</summary>
    Header = 2,
}

/// <summary>One client at the token endpoint of an OAuth2 server.</summary>
internal sealed class TokenEndpoint : IDisposable
{
    private const int LargestAnswer = 1024 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Uri url;
    private readonly string clientId;
    private readonly string clientSecret;
    private readonly HttpClient http;
    private volatile ClientAuthentication authentication;

    public TokenEndpoint(Uri url, string clientId, string clientSecret, ClientAuthentication authentication)
    {
        this.url = url;
        this.clientId = clientId;
        this.clientSecret = clientSecret;
        this.authentication = authentication;

        // Never elsewhere than told: a redirect would carry the secret along.
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            AutomaticDecompression = DecompressionMethods.All,
        };
        http = new HttpClient(handler) { Timeout = Patience, MaxResponseContentBufferSize = LargestAnswer };
    }

    /// <summary>Reads the URL of an endpoint.</summary>
    /// <exception cref="ComponentMetadataException">It is no absolute HTTP URL.</exception>
    public static Uri ReadUrl(ComponentMetadata metadata, MetadataField<string> field)
        => Uri.TryCreate(metadata.Get(field), UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new ComponentMetadataException(field.Name, "expected an absolute http or https URL");

    /// <summary>Asks for a token.</summary>
    /// <exception cref="TokenRequestException">There is none to be had.</exception>
    public async Task<OAuth2Token> RequestAsync(IReadOnlyList<KeyValuePair<string, string>> grant, CancellationToken cancellationToken)
    {
        if (authentication is not ClientAuthentication.Auto and var known)
        {
            return await SendAsync(grant, known, cancellationToken);
        }

        OAuth2Token token;
        try
        {
            token = await SendAsync(grant, ClientAuthentication.Header, cancellationToken);
            authentication = ClientAuthentication.Header;
            return token;
        }
        catch (TokenRequestException e) when (e.Refused)
        {
            token = await SendAsync(grant, ClientAuthentication.Form, cancellationToken);
            authentication = ClientAuthentication.Form;
            return token;
        }
    }

    public void Dispose() => http.Dispose();

    private async Task<OAuth2Token> SendAsync(
        IReadOnlyList<KeyValuePair<string, string>> grant, ClientAuthentication style, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (style == ClientAuthentication.Header)
        {
            var pair = Encoding.UTF8.GetBytes(Uri.EscapeDataString(clientId) + ":" + Uri.EscapeDataString(clientSecret));
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(pair));
            request.Content = new FormUrlEncodedContent(grant);
        }
        else
        {
            request.Content = new FormUrlEncodedContent([.. grant, new("client_id", clientId), new("client_secret", clientSecret)]);
        }

        try
        {
            using var answer = await http.SendAsync(request, cancellationToken);
            var body = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
            return TokenAnswer.Read((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType, body);
        }
        catch (HttpRequestException e)
        {
            throw new TokenRequestException($"the token endpoint cannot be reached: {e.Message}", refused: false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TokenRequestException($"the token endpoint did not answer within {Patience.TotalSeconds:0} s", refused: false);
        }
    }
}
