using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Queries of URLs.</summary>
internal static class UrlFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("urlquery.encode", "string", static (e, a) => StringFunctions.Made(e, Encode(StringFunctions.Text(a))));
        table.Add("urlquery.decode", "string", static (e, a) => Decode(StringFunctions.Text(a)) is { } text ? StringFunctions.Made(e, text) : null);
        table.Add("urlquery.encode_object", "object", static (e, a) => EncodeObject(e, (RegoObject)a));
        table.Add("urlquery.decode_object", "string", static (e, a) => DecodeObject(e, StringFunctions.Text(a)));
    }

    /// <summary>A part of a query: a plus is a space; <see langword="null"/> when an escape is broken.</summary>
    public static string? Decode(string text)
    {
        if (!text.AsSpan().ContainsAny('%', '+'))
        {
            return text;
        }

        List<byte> bytes = new(text.Length);
        var source = Encoding.UTF8.GetBytes(text);
        for (var i = 0; i < source.Length; i++)
        {
            switch (source[i])
            {
                case (byte)'+':
                    bytes.Add((byte)' ');
                    break;
                case (byte)'%':
                    if (i + 2 >= source.Length || !char.IsAsciiHexDigit((char)source[i + 1]) || !char.IsAsciiHexDigit((char)source[i + 2]))
                    {
                        return null;
                    }

                    bytes.Add(Convert.FromHexString([(char)source[i + 1], (char)source[i + 2]])[0]);
                    i += 2;
                    break;
                default:
                    bytes.Add(source[i]);
                    break;
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static string Encode(string text)
    {
        var made = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            _ = char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' or (byte)'.' or (byte)'~' ? made.Append((char)b)
                : b == ' ' ? made.Append('+')
                : made.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return made.ToString();
    }

    private static RegoString? EncodeObject(Evaluation e, RegoObject obj)
    {
        List<string> parts = [];
        for (var i = 0; i < obj.Count; i++)
        {
            RegoValue[]? values = obj.Values[i] switch
            {
                RegoString text => [text],
                RegoArray or RegoSet => AggregateFunctions.Items(e, obj.Values[i]),
                _ => null,
            };
            if (obj.Keys[i] is not RegoString key || values is null || !Array.TrueForAll(values, static v => v is RegoString))
            {
                return null;
            }

            parts.AddRange(values.Select(v => Encode(key.Value) + "=" + Encode(StringFunctions.Text(v))));
        }

        return StringFunctions.Made(e, string.Join('&', parts));
    }

    private static RegoObject? DecodeObject(Evaluation e, string query)
    {
        e.Spend(query.Length / 8);
        var values = new Dictionary<string, List<RegoValue>>(StringComparer.Ordinal);
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (part.Contains(';', StringComparison.Ordinal)
                || Decode(equals < 0 ? part : part[..equals]) is not { } key || Decode(equals < 0 ? "" : part[(equals + 1)..]) is not { } value)
            {
                return null;
            }

            if (!values.TryGetValue(key, out var all))
            {
                values[key] = all = [];
            }

            all.Add(new RegoString(value));
        }

        return RegoObject.Of([.. values.Select(v => KeyValuePair.Create<RegoValue, RegoValue>(new RegoString(v.Key), new RegoArray([.. v.Value])))]);
    }
}
