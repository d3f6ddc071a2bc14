using System.Globalization;
using System.Text;
using DaprK8s.Common.Text;

namespace DaprK8s.Components.Rego;

/// <summary><c>sprintf</c>: the verbs of Go, for the values of the language.</summary>
/// <param name="e">The evaluation that the work is counted for.</param>
/// <param name="format">The text with verbs.</param>
/// <param name="arguments">The values.</param>
internal sealed class TextFormat(Evaluation e, string format, RegoArray arguments)
{
    private const int MaxWidth = 1000;

    private readonly StringBuilder made = new();
    private int at;
    private int next;

    /// <summary>The text.</summary>
    public string Run()
    {
        while (at < format.Length)
        {
            var percent = format.IndexOf('%', at);
            if (percent < 0)
            {
                made.Append(format, at, format.Length - at);
                break;
            }

            made.Append(format, at, percent - at);
            at = percent + 1;
            Verb();
            StringFunctions.Expect(e, 16 + made.Length / 16);
        }

        if (next < arguments.Count)
        {
            made.Append("%!(EXTRA ");
            made.AppendJoin(", ", arguments.Items[next..].Select(a => $"{TypeName(a)}={Plain(a)}"));
            made.Append(')');
        }

        return made.ToString();
    }

    private static string TypeName(RegoValue value) => value switch
    {
        RegoNumber { IsInteger: true } number => number.TryGetLong(out _) ? "int" : "*big.Int",
        RegoNumber => "float64",
        _ => "string",
    };

    private static string Plain(RegoValue value) => value is RegoString s ? s.Value : value.ToString();

    private void Verb()
    {
        var flags = "";
        while (at < format.Length && "+-# 0".Contains(format[at], StringComparison.Ordinal))
        {
            flags += format[at++];
        }

        var width = Number();
        int? precision = null;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = Number() ?? 0;
        }

        if (at == format.Length)
        {
            made.Append("%!(NOVERB)");
            return;
        }

        var verb = format[at++];
        if (verb == '%')
        {
            made.Append('%');
            return;
        }

        if (next == arguments.Count)
        {
            made.Append("%!").Append(verb).Append("(MISSING)");
            return;
        }

        var argument = arguments.Items[next++];
        var text = Format(verb, argument, flags, precision);
        if (text is null)
        {
            made.Append("%!").Append(verb).Append('(').Append(TypeName(argument)).Append('=').Append(Plain(argument)).Append(')');
            return;
        }

        Pad(text, flags, width ?? 0, argument is RegoNumber);
    }

    private int? Number()
    {
        var start = at;
        while (at < format.Length && char.IsAsciiDigit(format[at]))
        {
            at++;
        }

        return at == start ? null
            : int.TryParse(format.AsSpan(start, at - start), CultureInfo.InvariantCulture, out var number) ? Math.Min(number, MaxWidth) : MaxWidth;
    }

    private void Pad(string text, string flags, int width, bool numeric)
    {
        var missing = width - CodePoints.Count(text);
        if (missing <= 0)
        {
            made.Append(text);
        }
        else if (flags.Contains('-', StringComparison.Ordinal))
        {
            made.Append(text).Append(' ', missing);
        }
        else if (flags.Contains('0', StringComparison.Ordinal))
        {
            var sign = numeric && text[0] is '-' or '+' ? 1 : 0;
            made.Append(text, 0, sign).Append('0', missing).Append(text, sign, text.Length - sign);
        }
        else
        {
            made.Append(' ', missing).Append(text);
        }
    }

    private static string? Format(char verb, RegoValue value, string flags, int? precision)
    {
        var sign = flags.Contains('+', StringComparison.Ordinal) ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";
        switch (verb, value)
        {
            case ('v', RegoNumber { IsInteger: true } number):
                return Signed(number.ToJson(), sign);
            case ('v', RegoNumber number):
                return Signed(Real('g', number.ToDouble(), precision), sign);
            case ('s', RegoNumber { IsInteger: true } number) when !number.TryGetLong(out _):
                return number.ToJson();
            case ('v' or 's', not RegoNumber):
                var text = Plain(value);
                return verb == 's' && precision is { } most ? text[..CodePoints.Offset(text, most)] : text;
            case ('q', not RegoNumber):
                return GoQuote.Quote(Plain(value));
            case ('d', RegoNumber { IsInteger: true } number):
                return Signed(number.ToJson(), sign);
            case ('x' or 'X' or 'o' or 'b', RegoNumber { IsInteger: true } number):
                var prefix = !flags.Contains('#', StringComparison.Ordinal) ? "" : verb switch { 'x' => "0x", 'X' => "0X", 'o' => "0", _ => "0b" };
                var digits = StringFunctions.InBase(number.Abs().Big, verb switch { 'o' => 8, 'b' => 2, _ => 16 });
                return Signed((number.Sign < 0 ? "-" : "") + prefix + (verb == 'X' ? digits.ToUpperInvariant() : digits), sign);
            case ('c', RegoNumber { IsInteger: true } number):
                return number.TryGetInt(out var code) && Rune.IsValid(code) ? new Rune(code).ToString() : "\uFFFD";
            case ('U', RegoNumber { IsInteger: true } number) when number.TryGetLong(out var point):
                return "U+" + point.ToString("X4", CultureInfo.InvariantCulture);
            case ('x' or 'X', not RegoNumber):
                var bytes = Encoding.UTF8.GetBytes(Plain(value));
                return verb == 'x' ? Convert.ToHexStringLower(bytes) : Convert.ToHexString(bytes);
            case ('f' or 'F' or 'e' or 'E' or 'g' or 'G', RegoNumber { IsInteger: false } number):
                return Signed(Real(verb, number.ToDouble(), precision), sign);
            default:
                return null;
        }
    }

    private static string Signed(string number, string sign) => number[0] == '-' ? number : sign + number;

    private static string Real(char verb, double number, int? precision)
    {
        switch (verb)
        {
            case 'f' or 'F':
                return number.ToString("F" + (precision ?? 6).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            case 'e' or 'E':
                return TwoDigitExponent(number.ToString(string.Create(CultureInfo.InvariantCulture, $"{verb}{precision ?? 6}"), CultureInfo.InvariantCulture));
            default:
                var size = Math.Abs(number);
                if (precision is { } digits)
                {
                    return number.ToString("G" + Math.Max(digits, 1).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).Replace('E', 'e');
                }

                var shortest = number.ToString("R", CultureInfo.InvariantCulture);
                var isScientific = shortest.Contains('E', StringComparison.Ordinal);
                return size is >= 1e-4 and < 1e21 && !isScientific ? shortest
                    : TwoDigitExponent(isScientific ? shortest.Replace('E', 'e') : number.ToString("0.################e+00", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Go writes at least two digits of an exponent, where .NET writes three or as many as needed.</summary>
    private static string TwoDigitExponent(string number)
    {
        var e = number.IndexOfAny(['e', 'E']);
        var digits = number[(e + 2)..].TrimStart('0');
        return number[..(e + 2)] + digits.PadLeft(2, '0');
    }
}
