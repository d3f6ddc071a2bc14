using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace DaprK8s.Components.NameResolution.Kubernetes;

/// <summary>
/// The address of an app as a template in Go's notation over <c>.ID</c>, <c>.Namespace</c>, <c>.Port</c> and <c>.Data</c> (contract: k8s 5.6).
/// Values are put in; Go's conditions, loops and functions are refused by name.
/// </summary>
internal sealed partial class AddressTemplate
{
    private const string Understood = "only {{.ID}}, {{.Namespace}}, {{.Port}} and {{.Data.<name>}} are understood";

    private readonly List<Part> parts = [];

    /// <summary>Reads a template.</summary>
    /// <exception cref="FormatException">It can't be read; the message tells what is understood.</exception>
    public static AddressTemplate Parse(string text)
    {
        var template = new AddressTemplate();
        var rest = text;
        while (rest.IndexOf("{{", StringComparison.Ordinal) is >= 0 and var open)
        {
            var close = rest.IndexOf("}}", open, StringComparison.Ordinal);
            if (close < 0)
            {
                throw new FormatException($"an action that begins with {{{{ has no }}}}; {Understood}");
            }

            var action = rest[(open + 2)..close];
            var (trimsBefore, trimsAfter) = (action.StartsWith("- ", StringComparison.Ordinal), action.EndsWith(" -", StringComparison.Ordinal));
            var before = rest[..open];
            template.parts.Add(new Part(trimsBefore ? before.TrimEnd() : before, null));
            template.Add(action[(trimsBefore ? 2 : 0)..^(trimsAfter ? 2 : 0)].Trim());
            rest = trimsAfter ? rest[(close + 2)..].TrimStart() : rest[(close + 2)..];
        }

        template.parts.Add(new Part(rest, null));
        return template;
    }

    /// <summary>Puts the values in.</summary>
    public string Fill(string id, string @namespace, int port)
    {
        var text = new StringBuilder();
        foreach (var (literal, field) in parts)
        {
            text.Append(field switch
            {
                null => literal,
                ".ID" => id,
                ".Namespace" => @namespace,
                ".Port" => port.ToString(CultureInfo.InvariantCulture),
                ".Data" => "map[]",
                _ => "<no value>",
            });
        }

        return text.ToString();
    }

    private void Add(string field)
    {
        if (CommentForm().IsMatch(field))
        {
            return;
        }

        parts.Add(FieldForm().IsMatch(field) ? new Part("", field) : throw new FormatException($"unexpected {{{{{field}}}}}; {Understood}"));
    }

    [GeneratedRegex(@"\A/\*.*\*/\z", RegexOptions.Singleline)]
    private static partial Regex CommentForm();

    [GeneratedRegex(@"\A\.(?:ID|Namespace|Port|Data(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\z")]
    private static partial Regex FieldForm();

    private readonly record struct Part(string Literal, string? Field);
}
