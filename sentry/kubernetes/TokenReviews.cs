using System.Text.Json.Nodes;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Sentry.Validators;

namespace DaprK8s.Sentry.Kubernetes;

/// <summary>Has tokens reviewed by the API server (contract: security 1.5, steps 2 to 6).</summary>
internal sealed class TokenReviews(KubernetesClient client, string sentryId)
{
    private const string LegacyAudience = "dapr.io/sentry";

    /// <summary>Reviews a token.</summary>
    /// <exception cref="ValidationException">It is not good for an identity from this sentry.</exception>
    public async Task<ReviewedAccount> ReviewAsync(string token, CancellationToken cancellationToken)
    {
        var review = new JsonObject
        {
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["kind"] = "TokenReview",
            ["spec"] = new JsonObject { ["token"] = token, ["audiences"] = new JsonArray(LegacyAudience, sentryId) },
        };
        JsonNode? status;
        try
        {
            status = (await client.CreateAsync(ApiResources.TokenReviews, null, review, cancellationToken))["status"];
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new ValidationException($"token review failed: {e.Message}");
        }

        if (Text(status?["error"]) is { Length: > 0 } error)
        {
            throw new ValidationException($"invalid token: {error}");
        }

        if (status?["authenticated"]?.GetValueKind() != System.Text.Json.JsonValueKind.True || !IsForSentry(status["audiences"]))
        {
            throw new ValidationException("authentication failed");
        }

        return (Text(status["user"]?["username"]) ?? "").Split(':') is ["system", "serviceaccount", var ns, var name]
            ? new ReviewedAccount(ns, name, ServiceAccountToken.Parse(token))
            : throw new ValidationException("provided token is not a properly structured service account token");
    }

    /// <summary>An API server that knows audiences says which of those asked for the token has.</summary>
    private bool IsForSentry(JsonNode? audiences)
        => audiences is not JsonArray { Count: > 0 } list || list.Any(a => Text(a) is { } audience && (audience == LegacyAudience || audience == sentryId));

    private static string? Text(JsonNode? node) => node?.GetValueKind() == System.Text.Json.JsonValueKind.String ? node.GetValue<string>() : null;
}
