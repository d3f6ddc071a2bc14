using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Values as text: as JSON, or as they would stand in a policy (where sets have a form of their own).</summary>
internal static class RegoText
{
    /// <summary>The text as in a policy: <c>{"a": [1, 2]}</c>, <c>{1, 2}</c>, <c>set()</c>.</summary>
    public static string Of(RegoValue value)
    {
        var text = new StringBuilder();
        Write(text, value, spaced: true, sets: true);
        return text.ToString();
    }

    /// <summary>The value as JSON without white space; sets become arrays, keys that are no texts become their JSON.</summary>
    public static string Json(RegoValue value)
    {
        var text = new StringBuilder();
        Write(text, value, spaced: false, sets: false);
        return text.ToString();
    }

    private static void Write(StringBuilder text, RegoValue value, bool spaced, bool sets)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case RegoNull:
                text.Append("null");
                break;
            case RegoBoolean boolean:
                text.Append(boolean.Value ? "true" : "false");
                break;
            case RegoNumber number:
                text.Append(number.ToJson());
                break;
            case RegoString s:
                WriteString(text, s.Value, escapeHtml: !sets);
                break;
            case RegoArray array:
                WriteList(text, array.Items, '[', ']', spaced, sets);
                break;
            case RegoSet { Count: 0 } when sets:
                text.Append("set()");
                break;
            case RegoSet set:
                WriteList(text, set.Items, sets ? '{' : '[', sets ? '}' : ']', spaced, sets);
                break;
            case RegoObject obj:
                WriteObject(text, obj, spaced, sets);
                break;
        }
    }

    private static void WriteObject(StringBuilder text, RegoObject obj, bool spaced, bool sets)
    {
        text.Append('{');
        for (var i = 0; i < obj.Count; i++)
        {
            text.Append(i == 0 ? "" : spaced ? ", " : ",");
            if (sets || obj.Keys[i] is RegoString)
            {
                Write(text, obj.Keys[i], spaced, sets);
            }
            else
            {
                WriteString(text, Json(obj.Keys[i]), escapeHtml: true);
            }

            text.Append(spaced ? ": " : ":");
            Write(text, obj.Values[i], spaced, sets);
        }

        text.Append('}');
    }

    private static void WriteList(StringBuilder text, RegoValue[] items, char open, char close, bool spaced, bool sets)
    {
        text.Append(open);
        for (var i = 0; i < items.Length; i++)
        {
            text.Append(i == 0 ? "" : spaced ? ", " : ",");
            Write(text, items[i], spaced, sets);
        }

        text.Append(close);
    }

    private static void WriteString(StringBuilder text, string value, bool escapeHtml)
    {
        text.Append('"');
        foreach (var c in value)
        {
            switch (c)
            {
                case '"' or '\\':
                    text.Append('\\').Append(c);
                    break;
                case '\n':
                    text.Append("\\n");
                    break;
                case '\r':
                    text.Append("\\r");
                    break;
                case '\t':
                    text.Append("\\t");
                    break;
                case < ' ' or '\u2028' or '\u2029':
                case '<' or '>' or '&' when escapeHtml:
                    text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                    break;
                default:
                    text.Append(c);
                    break;
            }
        }

        text.Append('"');
    }
}
