using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace DaprK8s.Components.Middleware.OAuth2;

/// <summary>Reads what a token endpoint answered (RFC 6749 sections 5.1 and 5.2): JSON, or a form as a few old servers send it.</summary>
internal static class TokenAnswer
{
    private const int LongestToken = 16 * 1024;

    /// <exception cref="TokenRequestException">There is no usable token in it.</exception>
    public static OAuth2Token Read(int status, string? mediaType, byte[] body)
    {
        var fields = mediaType is "application/x-www-form-urlencoded" or "text/plain" ? ReadForm(body) : ReadJson(body);
        if (status is < 200 or > 299 || fields.Error is not null)
        {
            throw new TokenRequestException($"the token endpoint answered {status}{Because(fields.Error)}", refused: status < 500);
        }

        if (string.IsNullOrEmpty(fields.AccessToken))
        {
            throw new TokenRequestException($"the token endpoint answered {status} without an access token", refused: true);
        }

        // It becomes a header of a request; whoever sends it must not be able to add another line.
        if (fields.AccessToken.Length > LongestToken || fields.AccessToken.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new TokenRequestException("the token endpoint sent an access token that cannot stand in a header", refused: false);
        }

        return new OAuth2Token(Scheme(fields.TokenType) + " " + fields.AccessToken, fields.Lifetime);
    }

    // Types are compared without case and written the usual way.
    private static string Scheme(string? type)
        => type?.ToLowerInvariant() switch
        {
            null or "" or "bearer" => "Bearer",
            "basic" => "Basic",
            "mac" => "MAC",
            _ => HeaderText.IsToken(type)
                ? type
                : throw new TokenRequestException("the token endpoint sent a token type that cannot stand in a header", refused: false),
        };

    private static string Because(string? error)
        => error is { Length: > 0 and <= 64 } && HeaderText.IsToken(error) ? $" ({error})" : "";

    private static Fields ReadForm(byte[] body)
    {
        var form = QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body));
        return new Fields(form.GetValueOrDefault("access_token"), form.GetValueOrDefault("token_type"), Seconds(form.GetValueOrDefault("expires_in")), form.GetValueOrDefault("error"));
    }

    private static Fields ReadJson(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            return root.ValueKind != JsonValueKind.Object
                ? default
                : new Fields(Text(root, "access_token"), Text(root, "token_type"), Seconds(Text(root, "expires_in")), Text(root, "error"));
        }
        catch (JsonException)
        {
            // No token in it, which the caller reports together with the status.
            return default;
        }
    }

    private static string? Text(JsonElement root, string name)
        => !root.TryGetProperty(name, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };

    private static TimeSpan? Seconds(string? text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds > 0
            ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue))
            : null;

    private readonly record struct Fields(string? AccessToken, string? TokenType, TimeSpan? Lifetime, string? Error);
}
