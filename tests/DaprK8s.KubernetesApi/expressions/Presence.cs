using System.Text;

namespace DaprK8s.KubernetesApi.Expressions;

/// <summary>
/// <c>has(a.b)</c> as <c>("b" in a)</c>. The library goes by Protocol Buffers, where an empty list or map counts as absent; to
/// Kubernetes a field is there when it is there.
/// </summary>
internal static class Presence
{
    public static string Rewrite(string expression)
    {
        var result = new StringBuilder();
        for (var i = 0; i < expression.Length; i++)
        {
            if (expression[i] is '\'' or '"')
            {
                var end = EndOfText(expression, i);
                result.Append(expression, i, end - i + 1);
                i = end;
            }
            else if (string.CompareOrdinal(expression, i, "has(", 0, 4) == 0 && (i == 0 || !IsName(expression[i - 1])) && End(expression, i + 3) is > 0 and var close
                && expression.LastIndexOf('.', close) is var dot && dot > i + 4)
            {
                result.Append("('").Append(expression.AsSpan(dot + 1, close - dot - 1).Trim()).Append("' in ").Append(expression.AsSpan(i + 4, dot - i - 4)).Append(')');
                i = close;
            }
            else
            {
                result.Append(expression[i]);
            }
        }

        return result.ToString();
    }

    private static bool IsName(char c) => char.IsLetterOrDigit(c) || c is '_' or '.';

    /// <summary>The bracket that closes the one at <paramref name="open"/>; -1 when none does.</summary>
    private static int End(string expression, int open)
    {
        var depth = 0;
        for (var i = open; i < expression.Length; i++)
        {
            switch (expression[i])
            {
                case '(':
                    depth++;
                    break;
                case ')' when --depth == 0:
                    return i;
                case '\'' or '"':
                    i = EndOfText(expression, i);
                    break;
            }
        }

        return -1;
    }

    private static int EndOfText(string expression, int start)
    {
        for (var i = start + 1; i < expression.Length; i++)
        {
            if (expression[i] == '\\')
            {
                i++;
            }
            else if (expression[i] == expression[start])
            {
                return i;
            }
        }

        return expression.Length - 1;
    }
}
