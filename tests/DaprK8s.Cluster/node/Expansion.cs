using System.Text;

namespace DaprK8s.Cluster.Node;

/// <summary><c>$(NAME)</c> in commands, arguments and values of variables; <c>$$(NAME)</c> stays, with one dollar less.</summary>
internal static class Expansion
{
    public static string Expand(string text, IReadOnlyDictionary<string, string> variables)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '$' && i + 1 < text.Length)
            {
                if (text[i + 1] == '$')
                {
                    result.Append('$');
                    i++;
                    continue;
                }

                var end = text[i + 1] == '(' ? text.IndexOf(')', i) : -1;
                if (end > 0)
                {
                    // A name that is not known stays as it is written.
                    result.Append(variables.TryGetValue(text[(i + 2)..end], out var value) ? value : text[i..(end + 1)]);
                    i = end;
                    continue;
                }
            }

            result.Append(text[i]);
        }

        return result.ToString();
    }
}
