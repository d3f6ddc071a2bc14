using System.Text.Json;
using System.Text.Json.Nodes;

namespace DaprK8s.Operator.Validation;

/// <summary>
/// Reads and answers an <c>AdmissionReview</c> of <c>admission.k8s.io/v1</c>
/// (<see href="https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request"/>).
/// </summary>
internal static class AdmissionReview
{
    // What the API server takes of a warning, and of a message.
    private const int MaxWarningLength = 250;
    private const int MaxMessageLength = 8000;

    /// <summary>Answers a review.</summary>
    /// <param name="body">The review, as UTF-8 JSON.</param>
    /// <param name="judge">Judges what is in it.</param>
    /// <param name="cancellationToken">Ends the judging.</param>
    /// <returns>The answer as UTF-8 JSON, or <see langword="null"/> for a body that is no review, which is a bad request.</returns>
    public static async ValueTask<byte[]?> AnswerAsync(ReadOnlyMemory<byte> body, ResourceJudge judge, CancellationToken cancellationToken)
    {
        JsonObject? review;
        try
        {
            review = JsonNode.Parse(body.Span) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }

        if (review?["request"] is not JsonObject request || request["uid"] is not JsonValue uid || uid.GetValueKind() != JsonValueKind.String)
        {
            return null;
        }

        var verdict = await judge.JudgeAsync(request, cancellationToken);
        return Write(uid.GetValue<string>(), verdict);
    }

    private static byte[] Write(string uid, Verdict verdict)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", "admission.k8s.io/v1");
            json.WriteString("kind", "AdmissionReview");
            json.WriteStartObject("response");
            json.WriteString("uid", uid);
            json.WriteBoolean("allowed", verdict.Allowed);
            if (!verdict.Allowed)
            {
                json.WriteStartObject("status");
                json.WriteString("status", "Failure");
                json.WriteString("reason", "Invalid");
                json.WriteNumber("code", 422);
                json.WriteString("message", Cut(verdict.Message, MaxMessageLength));
                json.WriteEndObject();
            }

            if (verdict.Warnings.Count > 0)
            {
                json.WriteStartArray("warnings");
                foreach (var warning in verdict.Warnings)
                {
                    json.WriteStringValue(Cut(warning, MaxWarningLength));
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 3)] + "...";
}
