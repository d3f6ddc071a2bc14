using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using DaprK8s.Sentry.Validators;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>
/// The claims of a service account token that the API server has already vouched for: which pod it was issued for (contract: security
/// 1.5, step 6). Read without a look at the signature, which only the API server can judge.
/// </summary>
/// <param name="PodName">The pod.</param>
/// <param name="PodUid">Which of all pods that ever had this name; absent in tokens of old clusters.</param>
/// <param name="Expires">The end of its life; nothing when it does not say.</param>
internal sealed record ServiceAccountToken(string PodName, string? PodUid, DateTimeOffset? Expires)
{
    private const string Missing = "kubernetes.io/pod/name claim is missing from Kubernetes token";

    /// <summary>Reads a compact JWT, or its claims as bare JSON.</summary>
    /// <exception cref="ValidationException">It is neither, or names no pod.</exception>
    public static ServiceAccountToken Parse(string token)
    {
        using var claims = ReadClaims(token);
        if (claims.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new ValidationException("failed to parse Kubernetes token: its claims are no object");
        }

        var pod = Member(Member(claims.RootElement, "kubernetes.io"), "pod");
        return Text(pod, "name") is { Length: > 0 } name
            ? new ServiceAccountToken(name, Text(pod, "uid"), Time(Member(claims.RootElement, "exp")))
            : throw new ValidationException(Missing);
    }

    private static JsonDocument ReadClaims(string token)
    {
        var text = token.AsSpan().Trim();
        try
        {
            if (text.StartsWith("{"))
            {
                return JsonDocument.Parse(text.ToString());
            }

            var parts = text.ToString().Split('.');
            return parts.Length == 3
                ? JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]))
                : throw new ValidationException("failed to parse Kubernetes token: it is no compact JWT");
        }
        catch (Exception e) when (e is FormatException or JsonException or DecoderFallbackException)
        {
            // The texts of these exceptions may hold a piece of the token.
            throw new ValidationException($"failed to parse Kubernetes token: its claims are no {(e is FormatException ? "base64" : "JSON")}");
        }
    }

    private static JsonElement Member(JsonElement from, string name)
        => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? value : default;

    private static string? Text(JsonElement from, string name)
        => Member(from, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static DateTimeOffset? Time(JsonElement seconds)
        => seconds.ValueKind == JsonValueKind.Number && seconds.TryGetDouble(out var value) && value is > 0 and < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds((long)value)
            : null;
}
