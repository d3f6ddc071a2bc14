using System.Net;
using System.Text.Json;

namespace DaprK8s.Common.Kubernetes;

/// <summary>
/// A call that the API server refused. The message names verb and resource, as a rule that would allow it must, and goes on with the
/// server's own words.
/// </summary>
public sealed class KubernetesException : Exception
{
    internal KubernetesException(string verb, string resource, int code, string reason, string serverMessage, bool namesObject, TimeSpan? retryAfter = null)
        : base(Describe(verb, resource, code, serverMessage))
    {
        Verb = verb;
        Resource = resource;
        StatusCode = (HttpStatusCode)code;
        Reason = reason;
        NamesObject = namesObject;
        RetryAfter = retryAfter;
    }

    /// <summary>What was tried, in the words of access rules: <c>get</c>, <c>list</c>, <c>watch</c>, ...</summary>
    public string Verb { get; }

    /// <summary>On which resource.</summary>
    public string Resource { get; }

    /// <summary>The status.</summary>
    public HttpStatusCode StatusCode { get; }

    /// <summary>The machine-readable cause, such as <c>Conflict</c> or <c>AlreadyExists</c>.</summary>
    public string Reason { get; }

    /// <summary>The object is not there, though its kind is.</summary>
    public bool IsObjectMissing => StatusCode == HttpStatusCode.NotFound && NamesObject;

    /// <summary>The kind is not served: its CRD is not installed.</summary>
    public bool IsKindMissing => StatusCode == HttpStatusCode.NotFound && !NamesObject;

    /// <summary>Somebody else changed the object in between, or created it first.</summary>
    public bool IsConflict => StatusCode == HttpStatusCode.Conflict;

    /// <summary>The history that was asked for is gone.</summary>
    public bool IsExpired => StatusCode == HttpStatusCode.Gone;

    /// <summary>Access rules don't allow it.</summary>
    public bool IsForbidden => StatusCode == HttpStatusCode.Forbidden;

    /// <summary>When the server wants to be asked again.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>What went wrong, and for a refusal which right is missing.</summary>
    /// <param name="exception">Any error of a call to the API server.</param>
    public static string Explain(Exception exception)
        => exception is KubernetesException { IsForbidden: true } refused
            ? $"{refused.Message} (a role must allow '{refused.Verb}' on '{refused.Resource}')" : exception.Message;

    private bool NamesObject { get; }

    /// <summary>Reads a <c>Status</c> object, or makes the best of what came instead.</summary>
    internal static KubernetesException FromStatus(string verb, string resource, int code, ReadOnlyMemory<byte> body, TimeSpan? retryAfter = null)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return FromStatus(verb, resource, document.RootElement, code, retryAfter);
        }
        catch (JsonException)
        {
            return new KubernetesException(verb, resource, code, "", "", false, retryAfter);
        }
    }

    /// <summary>Reads a <c>Status</c> object.</summary>
    internal static KubernetesException FromStatus(string verb, string resource, JsonElement status, int code, TimeSpan? retryAfter = null)
    {
        if (status.ValueKind != JsonValueKind.Object)
        {
            return new KubernetesException(verb, resource, code, "", "", false, retryAfter);
        }

        var named = status.TryGetProperty("details", out var details) && Text(details, "name").Length > 0;
        code = status.TryGetProperty("code", out var own) && own.TryGetInt32(out var number) ? number : code;
        return new KubernetesException(verb, resource, code, Text(status, "reason"), Text(status, "message"), named, retryAfter);
    }

    private static string Text(JsonElement from, string name)
        => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : "";

    private static string Describe(string verb, string resource, int code, string message)
        => $"cannot {verb} {resource}: {(message.Length > 0 ? message : $"the API server answered {code}")}";
}
