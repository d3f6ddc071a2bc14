using System.Text.Json.Nodes;
using DaprK8s.KubernetesApi.Kinds;

namespace DaprK8s.KubernetesApi.Requests;

/// <summary>A request that is answered with a <c>Status</c> object.</summary>
/// <param name="code">The HTTP status.</param>
/// <param name="reason">The reason, for programs.</param>
/// <param name="message">The reason, for people.</param>
/// <param name="details">What it is about.</param>
public sealed class ApiException(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Code => code;

    /// <summary>For example <c>NotFound</c>.</summary>
    public string Reason => reason;

    /// <summary>The body, made anew for every answer.</summary>
    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = reason,
            ["code"] = code,
        };
        if (reason.Length == 0)
        {
            status.Remove("reason");
        }

        if (details is not null)
        {
            status["details"] = details.DeepClone();
        }

        return status;
    }

    internal static ApiException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    internal static ApiException BadRequest(string message) => new(400, "BadRequest", message);

    /// <summary>A path that nothing is served at.</summary>
    internal static ApiException NoSuchPath() => new(404, "NotFound", "the server could not find the requested resource", new JsonObject());

    internal static ApiException NotFound(ResourceType type, string name)
        => new(404, "NotFound", $"{type.QualifiedName} \"{name}\" not found", Details(type, name));

    internal static ApiException AlreadyExists(ResourceType type, string name)
        => new(409, "AlreadyExists", $"{type.QualifiedName} \"{name}\" already exists", Details(type, name));

    internal static ApiException Conflict(ResourceType type, string name) => new(
        409,
        "Conflict",
        $"Operation cannot be fulfilled on {type.QualifiedName} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
        Details(type, name));

    internal static ApiException Precondition(ResourceType type, string name, string problem)
        => new(409, "Conflict", $"Operation cannot be fulfilled on {type.QualifiedName} \"{name}\": Precondition failed: {problem}", Details(type, name));

    internal static ApiException Invalid(ResourceType type, string name, params IReadOnlyList<string> problems)
    {
        var details = Details(type, name);
        details["kind"] = type.Kind;
        details["causes"] = new JsonArray([.. problems.Select(CauseOf)]);
        var kind = type.Group.Length == 0 ? type.Kind : $"{type.Kind}.{type.Group}";
        return new(422, "Invalid", $"{kind} \"{name}\" is invalid: {(problems.Count == 1 ? problems[0] : $"[{string.Join(", ", problems)}]")}", details);
    }

    internal static ApiException Expired(long asked, long oldest) => new(410, "Expired", $"too old resource version: {asked} ({oldest})");

    private static JsonObject Details(ResourceType type, string name) => new() { ["name"] = name, ["group"] = type.Group, ["kind"] = type.Plural };

    /// <summary><c>spec.x: Invalid value: "y": why</c> names its field first.</summary>
    private static JsonObject CauseOf(string problem)
    {
        var parts = problem.Split(": ", 2);
        var message = parts.ElementAtOrDefault(1) ?? problem;
        var reason = message.Split(':')[0] switch
        {
            "Required value" => "FieldValueRequired",
            "Duplicate value" => "FieldValueDuplicate",
            "Unsupported value" => "FieldValueNotSupported",
            "Forbidden" => "FieldValueForbidden",
            "Too long" => "FieldValueTooLong",
            "Too many" => "FieldValueTooMany",
            "Not found" => "FieldValueNotFound",
            _ => "FieldValueInvalid",
        };
        return new JsonObject { ["reason"] = reason, ["message"] = message, ["field"] = parts[0] };
    }
}
