using DaprK8s.Components.Metadata;

namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>The settings of an <see cref="OAuth2Middleware"/>, checked.</summary>
internal sealed record OAuth2Settings
{
    public static readonly MetadataField<string> ClientIdField = Field.Text("clientID", "The client's id at the OAuth2 server.", required: true);

    public static readonly MetadataField<string> ClientSecretField = Field.Text(
        "clientSecret", "The client's secret.", required: true, sensitive: true);

    public static readonly MetadataField<string> ScopesField = Field.Text("scopes", "Comma list of the scopes to ask for.");

    public static readonly MetadataField<string> AuthUrlField = Field.Text(
        "authURL", "The authorization endpoint, to which browsers are sent.", required: true);

    public static readonly MetadataField<string> TokenUrlField = Field.Text("tokenURL", "The token endpoint.", required: true);

    public static readonly MetadataField<string> RedirectUrlField = Field.Text(
        "redirectURL", "Where the OAuth2 server sends browsers back to, as registered there.");

    public static readonly MetadataField<string> HeaderNameField = Field.Text(
        "authHeaderName", "The header that gets the token.", "Authorization");

    public static readonly MetadataField<bool> ForceHttpsField = Field.Bool(
        "forceHTTPS", "Browsers come back by https, and the cookie is sent over https only.");

    public static IReadOnlyList<MetadataField> Fields { get; } =
    [
        ClientIdField, ClientSecretField, ScopesField, AuthUrlField, TokenUrlField, RedirectUrlField, HeaderNameField, ForceHttpsField, PathFilter.Field,
    ];

    public required string ClientId { get; init; }

    /// <summary>As the request wants them: separated by spaces.</summary>
    public required string Scopes { get; init; }

    public required Uri AuthUrl { get; init; }

    /// <summary>Empty when the OAuth2 server knows by itself.</summary>
    public required string RedirectUrl { get; init; }

    public required string HeaderName { get; init; }

    public required bool ForceHttps { get; init; }

    public required PathFilter Filter { get; init; }

    /// <exception cref="ComponentMetadataException">A setting is missing or wrong.</exception>
    public static OAuth2Settings Read(ComponentMetadata metadata)
    {
        foreach (var field in (MetadataField<string>[])[ClientIdField, ClientSecretField])
        {
            if (metadata.Get(field).Length == 0)
            {
                throw new ComponentMetadataException(field.Name, "is required but missing");
            }
        }

        var header = metadata.Get(HeaderNameField) is { Length: > 0 } given ? given : HeaderNameField.Default;
        return new OAuth2Settings
        {
            ClientId = metadata.Get(ClientIdField),
            Scopes = string.Join(' ', metadata.Get(ScopesField).Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)),
            AuthUrl = TokenEndpoint.ReadUrl(metadata, AuthUrlField),
            RedirectUrl = metadata.Get(RedirectUrlField),
            HeaderName = HeaderText.IsToken(header)
                ? header
                : throw new ComponentMetadataException(HeaderNameField.Name, "is not the name of a header"),
            ForceHttps = metadata.Get(ForceHttpsField),
            Filter = PathFilter.Read(metadata),
        };
    }
}
