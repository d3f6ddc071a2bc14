using System.Text.Json;

namespace DaprK8s.Common.Identity.Jwt;

/// <summary>What a verified token says.</summary>
public sealed class JwtClaims
{
    private readonly JsonElement payload;

    internal JwtClaims(JsonElement payload)
    {
        this.payload = payload;
        Issuer = Text("iss");
        Subject = Text("sub");
        Audiences = ReadAudiences();
        ExpiresAt = Instant("exp");
        NotBefore = Instant("nbf");
        IssuedAt = Instant("iat");
    }

    /// <summary>Who issued the token (<c>iss</c>).</summary>
    public string? Issuer { get; }

    /// <summary>Whom it is about (<c>sub</c>).</summary>
    public string? Subject { get; }

    /// <summary>Whom it is meant for (<c>aud</c>), whether written as one text or as a list.</summary>
    public IReadOnlyList<string> Audiences { get; }

    /// <summary>When it ends (<c>exp</c>); <see langword="null"/> when it says nothing of an end.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>When it begins to count (<c>nbf</c>).</summary>
    public DateTimeOffset? NotBefore { get; }

    /// <summary>When it was made (<c>iat</c>).</summary>
    public DateTimeOffset? IssuedAt { get; }

    /// <summary>Any other claim.</summary>
    public bool TryGet(string name, out JsonElement value) => payload.TryGetProperty(name, out value);

    internal void Check(JwtExpectations expected)
    {
        var now = expected.Time.GetUtcNow();
        if (ExpiresAt is { } end && now - expected.Skew >= end)
        {
            throw new JwtException("\"exp\" not satisfied: the token has expired");
        }

        if (NotBefore is { } start && now + expected.Skew < start)
        {
            throw new JwtException("\"nbf\" not satisfied: the token is not valid yet");
        }

        if (IssuedAt is { } made && now + expected.Skew < made)
        {
            throw new JwtException("\"iat\" not satisfied: the token was issued in the future");
        }

        if (expected.Issuer is { } issuer && !string.Equals(issuer, Issuer, StringComparison.Ordinal))
        {
            throw new JwtException("\"iss\" not satisfied: the token is of another issuer");
        }

        if (expected.Subject is { } subject && !string.Equals(subject, Subject, StringComparison.Ordinal))
        {
            throw new JwtException("\"sub\" not satisfied: the token is about another subject");
        }

        if (!Audiences.Any(a => expected.Audiences.Contains(a, StringComparer.Ordinal)))
        {
            throw new JwtException("\"aud\" not satisfied: the token is meant for another audience");
        }
    }

    private string? Text(string name)
    {
        if (!payload.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw new JwtException($"\"{name}\" is no text");
    }

    private IReadOnlyList<string> ReadAudiences()
    {
        if (!payload.TryGetProperty("aud", out var value))
        {
            return [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array when value.EnumerateArray().All(a => a.ValueKind == JsonValueKind.String)
                => [.. value.EnumerateArray().Select(a => a.GetString()!)],
            _ => throw new JwtException("\"aud\" is neither a text nor a list of texts"),
        };
    }

    // Seconds since 1970, perhaps with a fraction; an end too far for the calendar is the calendar's end.
    private DateTimeOffset? Instant(string name)
    {
        if (!payload.TryGetProperty(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var seconds) || !(seconds >= 0))
        {
            throw new JwtException($"\"{name}\" is no time");
        }

        // A day is kept free on both ends, so that adding a skew can't leave the calendar.
        var farthest = DateTimeOffset.MaxValue.AddDays(-1);
        return seconds < farthest.ToUnixTimeSeconds() ? DateTimeOffset.UnixEpoch.AddSeconds(seconds) : farthest;
    }
}
