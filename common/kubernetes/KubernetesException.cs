using System.Net;
using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// A call that the API server refused. The message names verb and resource, as a rule that would allow it must, and goes on with the
/// server's own words.
/// </summary>
public sealed class KubernetesException : Exception
{
    private const string NamespaceTerminating = "NamespaceTerminating";

    private readonly ApiCall call;
    private readonly string serverMessage;

    internal KubernetesException(ApiCall call, int code, string reason = "", string serverMessage = "", bool namesObject = false, string cause = "", TimeSpan? retryAfter = null)
        : base(Describe(call, code, serverMessage))
    {
        this.call = call;
        this.serverMessage = serverMessage;
        StatusCode = (HttpStatusCode)code;
        Reason = reason;
        Cause = cause;
        NamesObject = namesObject;
        RetryAfter = retryAfter;
    }

    /// <summary>What was tried, in the words of access rules: <c>get</c>, <c>list</c>, <c>watch</c>, ...</summary>
    public string Verb => call.Verb;

    /// <summary>On which resource.</summary>
    public string Resource => call.Resource;

    /// <summary>The status.</summary>
    public HttpStatusCode StatusCode { get; }

    /// <summary>The machine-readable reason, such as <c>Conflict</c> or <c>AlreadyExists</c>.</summary>
    public string Reason { get; }

    /// <summary>The machine-readable cause within the reason, such as <c>NamespaceTerminating</c>; the first one, empty for none.</summary>
    public string Cause { get; }

    /// <summary>The object is not there, though its kind is.</summary>
    public bool IsObjectMissing => StatusCode == HttpStatusCode.NotFound && NamesObject;

    /// <summary>The kind is not served: its CRD is not installed.</summary>
    public bool IsKindMissing => StatusCode == HttpStatusCode.NotFound && !NamesObject;

    /// <summary>Somebody else changed the object in between, or created it first.</summary>
    public bool IsConflict => StatusCode == HttpStatusCode.Conflict;

    /// <summary>The history that was asked for is gone.</summary>
    public bool IsExpired => StatusCode == HttpStatusCode.Gone;

    /// <summary>Access rules don't allow it.</summary>
    public bool IsForbidden => StatusCode == HttpStatusCode.Forbidden && !IsNamespaceTerminating;

    /// <summary>
    /// The rule that a role must have for it, with verb, resource, API group and namespace; <see langword="null"/> when it failed for
    /// another reason. The same for all objects of a kind in a namespace.
    /// </summary>
    /// <remarks>Quotas and webhooks answer 403 as well, in their own words; what stands between may answer without any.</remarks>
    public string? MissingRight
        => IsForbidden && (serverMessage.Length == 0 || serverMessage.Contains("cannot ", StringComparison.Ordinal)) ? call.MissingRule : null;

    /// <summary>Nothing can be created any more: the namespace is being deleted, and what is in it goes with it.</summary>
    public bool IsNamespaceTerminating => StatusCode == HttpStatusCode.Forbidden && Cause == NamespaceTerminating;

    /// <summary>The server can't answer now, and says nothing of the objects: it starts, stops or has too much to do.</summary>
    public bool IsPassing => StatusCode is HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    /// <summary>When the server wants to be asked again.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>What went wrong, and for a refusal which right is missing, as the rule of a role that would give it.</summary>
    /// <param name="exception">Any error of a call to the API server.</param>
    public static string Explain(Exception exception)
        => exception switch
        {
            KubernetesException { MissingRight: { } right } => $"{exception.Message} ({right})",
            HttpRequestException { InnerException: { } cause } => $"{exception.Message.TrimEnd('.')}: {cause.Message}",
            _ => exception.Message,
        };

    /// <summary>
    /// The same text for all failures that have one cause, to tell them once: one outage looks different from attempt to attempt (refused,
    /// reset, timed out), and a right is missing for all objects of a kind.
    /// </summary>
    /// <param name="exception">Any error of a call to the API server.</param>
    public static string CauseOf(Exception exception)
        => exception is KubernetesException refused ? refused.MissingRight ?? $"{refused.Verb} {refused.Resource} {refused.StatusCode}" : "away";

    private bool NamesObject { get; }

    /// <summary>Reads a <c>Status</c> object, or makes the best of what came instead.</summary>
    internal static KubernetesException FromStatus(ApiCall call, int code, ReadOnlyMemory<byte> body, TimeSpan? retryAfter = null)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return FromStatus(call, document.RootElement, code, retryAfter);
        }
        catch (JsonException)
        {
            // A server that says no more has most likely looked for what the path names.
            return new KubernetesException(call, code, namesObject: call.Verb is "get" or "update" or "patch" or "delete", retryAfter: retryAfter);
        }
    }

    /// <summary>Reads a <c>Status</c> object.</summary>
    internal static KubernetesException FromStatus(ApiCall call, JsonElement status, int code, TimeSpan? retryAfter = null)
    {
        if (status.ValueKind != JsonValueKind.Object)
        {
            return new KubernetesException(call, code, retryAfter: retryAfter);
        }

        status.TryGetProperty("details", out var details);
        code = status.TryGetProperty("code", out var own) && own.ValueKind == JsonValueKind.Number && own.TryGetInt32(out var number) ? number : code;
        return new KubernetesException(
            call, code, Text(status, "reason"), Text(status, "message"), Text(details, "name").Length > 0, CauseIn(details), retryAfter);
    }

    private static string CauseIn(JsonElement details)
        => details.ValueKind == JsonValueKind.Object && details.TryGetProperty("causes", out var causes) && causes.ValueKind == JsonValueKind.Array
            ? causes.EnumerateArray().Select(c => Text(c, "reason")).FirstOrDefault(r => r.Length > 0) ?? "" : "";

    private static string Text(JsonElement from, string name)
        => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";

    private static string Describe(ApiCall call, int code, string message)
        => $"cannot {call.Verb} {call.Resource}: {(message.Length > 0 ? message : $"the API server answered {code}")}";
}
