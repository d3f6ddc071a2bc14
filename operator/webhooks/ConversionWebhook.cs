using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Common.Resources;
using DaprK8s.Operator.Resources;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Operator.Webhooks;

/// <summary>Converts Subscriptions between their versions for the API server (contract: k8s 2.12).</summary>
internal sealed class ConversionWebhook(ILogger logger)
{
    /// <summary>Its path.</summary>
    public const string Path = "/convert";

    /// <summary>Answers a <c>ConversionReview</c>.</summary>
    public ValueTask<byte[]?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        try
        {
            return new(JsonNode.Parse(body.Span) is JsonObject review && Answer(review) is { } answer ? ResourceDocument.Write(answer) : null);
        }
        catch (JsonException)
        {
            return new((byte[]?)null);
        }
    }

    private JsonObject? Answer(JsonObject review)
    {
        if (review["request"] is not JsonObject request)
        {
            return null;
        }

        var response = new JsonObject { ["uid"] = request["uid"].Text() };
        try
        {
            var desired = request["desiredAPIVersion"].Text();
            response["convertedObjects"] = new JsonArray(
                [.. (request["objects"] as JsonArray ?? []).Select(o => SubscriptionConversion.Convert(o as JsonObject ?? [], desired))]);
            response["result"] = new JsonObject { ["status"] = "Success" };
        }
        catch (Exception e) when (e is ResourceException or InvalidOperationException)
        {
            logger.LogWarning("a conversion failed: {Error}", e.Message);
            response.Remove("convertedObjects");
            response["result"] = new JsonObject { ["status"] = "Failure", ["message"] = e.Message };
        }

        var answer = (JsonObject)review.DeepClone();
        answer.Remove("request");
        answer["response"] = response;
        return answer;
    }
}
