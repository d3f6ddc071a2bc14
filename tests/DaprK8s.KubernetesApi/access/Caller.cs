using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Access;

/// <summary>Who asks.</summary>
/// <param name="Username">For example <c>system:serviceaccount:default:default</c>.</param>
/// <param name="Uid">The account's uid.</param>
/// <param name="Groups">The groups it is in.</param>
/// <param name="Extra">What else is known, such as the pod that a token is bound to.</param>
public sealed record Caller(string Username, string Uid, IReadOnlyList<string> Groups, IReadOnlyDictionary<string, string> Extra)
{
    private const string ServiceAccountPrefix = "system:serviceaccount:";

    /// <summary>A user as the API server sees it: a service account is in the groups of all of them and of those of its namespace.</summary>
    public static Caller Of(string username, string? uid = null, IReadOnlyDictionary<string, string>? extra = null) => new(
        username,
        uid ?? "1",
        username.StartsWith(ServiceAccountPrefix, StringComparison.Ordinal) && username.Split(':') is [_, _, var ns, _]
            ? ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]
            : username == Tokens.Administrator ? ["system:masters", "system:authenticated"]
            : username.StartsWith("system:node:", StringComparison.Ordinal) ? ["system:nodes", "system:authenticated"]
            : ["system:authenticated"],
        extra ?? new Dictionary<string, string>());

    /// <summary>As reviews show it.</summary>
    internal JsonObject ToJson()
    {
        var user = new JsonObject { ["username"] = Username, ["uid"] = Uid, ["groups"] = new JsonArray([.. Groups.Select(g => JsonValue.Create(g))]) };
        if (Extra.Count > 0)
        {
            user["extra"] = new JsonObject(Extra.Select(e => KeyValuePair.Create<string, JsonNode?>(e.Key, new JsonArray(e.Value))));
        }

        return user;
    }
}
