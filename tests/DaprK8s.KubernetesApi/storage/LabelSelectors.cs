using System.Text.Json.Nodes;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>Label selectors as objects have them: <c>matchLabels</c> and <c>matchExpressions</c>.</summary>
internal static class LabelSelectors
{
    public static bool Matches(JsonObject selector, JsonObject? labels)
        => (selector["matchLabels"] as JsonObject ?? []).All(w => labels?.ContainsKey(w.Key) == true && (string?)labels[w.Key] == (string?)w.Value)
            && (selector["matchExpressions"] as JsonArray ?? []).All(e => Holds(e!.AsObject(), labels));

    /// <summary>The same as a query has it.</summary>
    public static string ToText(JsonObject selector)
    {
        var terms = (selector["matchLabels"] as JsonObject ?? []).Select(l => $"{l.Key}={(string?)l.Value}").ToList();
        foreach (var expression in selector["matchExpressions"] as JsonArray ?? [])
        {
            var key = (string)expression!["key"]!;
            var values = $"({string.Join(',', (expression["values"] as JsonArray ?? []).Select(v => (string?)v))})";
            terms.Add((string?)expression["operator"] switch
            {
                "In" => $"{key} in {values}",
                "NotIn" => $"{key} notin {values}",
                "Exists" => key,
                _ => $"!{key}",
            });
        }

        return string.Join(',', terms);
    }

    private static bool Holds(JsonObject expression, JsonObject? labels)
    {
        var key = (string)expression["key"]!;
        var has = labels?.ContainsKey(key) == true;
        var isListed = has && (expression["values"] as JsonArray ?? []).Any(v => (string?)v == (string?)labels![key]);
        return (string?)expression["operator"] switch
        {
            "In" => isListed,
            "NotIn" => !isListed,
            "Exists" => has,
            "DoesNotExist" => !has,
            _ => false,
        };
    }
}
