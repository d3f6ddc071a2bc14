using DaprK8s.KubernetesApi.Kinds;
using DaprK8s.KubernetesApi.Requests;

namespace DaprK8s.KubernetesApi.Storage;

/// <summary>Field and label selectors: <c>metadata.name=a,spec.nodeName!=b</c>; <c>app=a,tier in (x,y),!old,new</c>.</summary>
internal static class Selectors
{
    /// <summary>What a request selects of a kind.</summary>
    /// <exception cref="ApiException">It can't be selected like that.</exception>
    public static Func<StoredObject, bool> Parse(ResourceType type, string? fields, string? labels)
    {
        FieldLabels.Check(type, fields);
        if (type.Group == "events.k8s.io")
        {
            // Events are stored as the core has them.
            fields = fields?.Replace("regarding.", "involvedObject.", StringComparison.Ordinal).Replace("reportingController", "reportingComponent", StringComparison.Ordinal);
        }

        return Parse(fields, labels);
    }

    public static Func<StoredObject, bool> Parse(string? fields, string? labels)
    {
        var terms = new List<Func<StoredObject, bool>>();
        foreach (var term in Split(fields))
        {
            terms.Add(Comparison(term, (o, path) => o.Text(path.Split('.')) ?? ""));
        }

        foreach (var term in Split(labels))
        {
            terms.Add(LabelTerm(term));
        }

        return o => terms.TrueForAll(t => t(o));
    }

    private static Func<StoredObject, bool> LabelTerm(string term)
    {
        var set = term.IndexOf('(', StringComparison.Ordinal);
        if (set > 0 && term.EndsWith(')'))
        {
            var head = term[..set].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var values = term[(set + 1)..^1].Split(',', StringSplitOptions.TrimEntries);
            return head is [var key, "in" or "notin"]
                ? o => (Label(o, key) is { } value && values.Contains(value)) == (head[1] == "in")
                : throw ApiException.BadRequest($"unable to parse requirement: {term}");
        }

        if (!term.Contains('='))
        {
            return term.StartsWith('!') ? o => Label(o, term[1..].Trim()) is null : o => Label(o, term) is not null;
        }

        return Comparison(term, Label);
    }

    private static Func<StoredObject, bool> Comparison(string term, Func<StoredObject, string, string?> read)
    {
        var not = term.Split("!=", 2, StringSplitOptions.TrimEntries);
        if (not.Length == 2)
        {
            return o => read(o, not[0]) != not[1];
        }

        var equal = term.Replace("==", "=", StringComparison.Ordinal).Split('=', 2, StringSplitOptions.TrimEntries);
        return equal.Length == 2
            ? o => read(o, equal[0]) == equal[1]
            : throw ApiException.BadRequest($"invalid selector: {term}");
    }

    private static string? Label(StoredObject o, string key) => o.Text("metadata", "labels", key);

    /// <summary>Splits at the commas that are not inside brackets.</summary>
    private static IEnumerable<string> Split(string? text)
    {
        var depth = 0;
        var start = 0;
        for (var i = 0; i <= (text?.Length ?? -1); i++)
        {
            var c = i == text!.Length ? ',' : text[i];
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == ',' && depth == 0)
            {
                if (text[start..i].Trim() is { Length: > 0 } term)
                {
                    yield return term;
                }

                start = i + 1;
            }
        }
    }
}
