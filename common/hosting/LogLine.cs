using System.Buffers;
using System.Globalization;
using System.Text;

namespace DaprK8s.Common.Hosting;

/// <summary>Writes the fields of one log line, as logfmt or as JSON; control characters can't break the line.</summary>
internal struct LogLine(ArrayBufferWriter<byte> output, bool json)
{
    private bool started;

    public void Field(string key, string value, bool quoteAlways = false)
    {
        Key(key);
        if (json || quoteAlways || NeedsQuotes(value))
        {
            Quoted(value);
        }
        else
        {
            Raw(value);
        }
    }

    public void Number(string key, long value)
    {
        Key(key);
        Raw(value.ToString(CultureInfo.InvariantCulture));
    }

    public readonly void End() => Raw(json ? "}\n" : "\n");

    private void Key(string key)
    {
        if (json)
        {
            Raw(started ? "," : "{");
            Quoted(key);
            Raw(":");
        }
        else
        {
            if (started)
            {
                Raw(" ");
            }

            Raw(key);
            Raw("=");
        }

        started = true;
    }

    private readonly void Raw(string text) => Encoding.UTF8.GetBytes(text, output);

    private readonly void Quoted(string text)
    {
        Raw("\"");
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var stop = rest.IndexOfAnyExceptInRange(' ', '~');
            var special = rest.IndexOfAny('"', '\\');
            stop = stop < 0 ? special : special < 0 ? stop : Math.Min(stop, special);
            if (stop < 0)
            {
                Encoding.UTF8.GetBytes(rest, output);
                break;
            }

            Encoding.UTF8.GetBytes(rest[..stop], output);
            rest = rest[stop..];
            Escape(ref rest);
        }

        Raw("\"");
    }

    private readonly void Escape(ref ReadOnlySpan<char> rest)
    {
        switch (rest[0])
        {
            case '"':
                Raw("\\\"");
                break;
            case '\\':
                Raw("\\\\");
                break;
            case '\n':
                Raw("\\n");
                break;
            case '\r':
                Raw("\\r");
                break;
            case '\t':
                Raw("\\t");
                break;
            case < ' ' or (> '~' and < '\u00a0'):
                Raw($"\\u{(int)rest[0]:x4}");
                break;
            default:
                var length = char.IsHighSurrogate(rest[0]) && rest.Length > 1 ? 2 : 1;
                Encoding.UTF8.GetBytes(rest[..length], output);
                rest = rest[length..];
                return;
        }

        rest = rest[1..];
    }

    private static bool NeedsQuotes(string value)
    {
        foreach (var c in value)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or '/' or '@' or '^' or '+'))
            {
                return true;
            }
        }

        return value.Length == 0;
    }
}
