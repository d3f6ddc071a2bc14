using System.Globalization;
using System.Numerics;

namespace DaprK8s.Components.Rego;

/// <summary>
/// A number. Whole numbers are exact whatever their size; fractions are exact decimals of up to 28 digits, and binary fractions
/// beyond. Each value has one form only, so 1 and 1.0 are the same number.
/// </summary>
internal sealed class RegoNumber : RegoValue
{
    /// <summary>A whole number may have this many bits; what would be larger ends the evaluation.</summary>
    private const int MaxBits = 1 << 16;

    private const int MaxTextLength = 512;

    private static readonly RegoNumber[] Small = [.. Enumerable.Range(-1, 258).Select(i => new RegoNumber(Form.Long, i, default, 0, 0))];

    private readonly Form form;
    private readonly long whole;
    private readonly BigInteger big;
    private readonly decimal fraction;
    private readonly double real;

    private RegoNumber(Form form, long whole, BigInteger big, decimal fraction, double real)
    {
        this.form = form;
        this.whole = whole;
        this.big = big;
        this.fraction = fraction;
        this.real = real;
    }

    private enum Form
    {
        Long,
        Big,
        Decimal,
        Double,
    }

    public override RegoKind Kind => RegoKind.Number;

    /// <summary>Whether there is no fraction.</summary>
    public bool IsInteger => form is Form.Long or Form.Big;

    /// <summary>A whole number.</summary>
    public static RegoNumber Of(long value)
        => value is >= -1 and <= 256 ? Small[value + 1] : new RegoNumber(Form.Long, value, default, 0, 0);

    /// <summary>A whole number of any size.</summary>
    /// <exception cref="RegoEvaluationException">It is absurdly large.</exception>
    public static RegoNumber Of(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue)
        {
            return Of((long)value);
        }

        return value.GetBitLength() <= MaxBits
            ? new RegoNumber(Form.Big, 0, value, 0, 0)
            : throw new RegoEvaluationException(RegoEvaluationException.Limit, default, "a number is too large");
    }

    /// <summary>A decimal fraction.</summary>
    public static RegoNumber Of(decimal value)
        => decimal.IsInteger(value) ? Of(new BigInteger(value)) : new RegoNumber(Form.Decimal, 0, default, value, 0);

    /// <summary>A binary fraction, taken as the shortest decimal that stands for it; <see langword="null"/> for no finite number.</summary>
    public static RegoNumber? Of(double value)
    {
        if (!double.IsFinite(value))
        {
            return null;
        }

        return double.IsInteger(value) && Math.Abs(value) >= 1e15
            ? Of(new BigInteger(value))
            : TryParse(value.ToString("R", CultureInfo.InvariantCulture), out var number) ? number : null;
    }

    /// <summary>Reads a number as JSON writes it.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out RegoNumber number)
    {
        if (text.Length <= 18 && (text is [>= '1' and <= '9', ..] or "0")
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var small))
        {
            number = Of(small);
            return true;
        }

        number = Small[1];
        if (text.Length > MaxTextLength || !IsJson(text))
        {
            return false;
        }

        if (text.IndexOfAny('.', 'e', 'E') < 0)
        {
            number = Of(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture));
            return true;
        }

        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) || !double.IsFinite(real))
        {
            return false;
        }

        number = FromFraction(text, real);
        return true;
    }

    /// <summary>The sum.</summary>
    public static RegoNumber Add(RegoNumber a, RegoNumber b)
        => a.form == Form.Long && b.form == Form.Long && !WouldOverflow(a.whole, b.whole) ? Of(a.whole + b.whole)
            : Apply(a, b, BigInteger.Add, decimal.Add, static (x, y) => x + y);

    /// <summary>The difference.</summary>
    public static RegoNumber Subtract(RegoNumber a, RegoNumber b)
        => Apply(a, b, BigInteger.Subtract, decimal.Subtract, static (x, y) => x - y);

    /// <summary>The product.</summary>
    public static RegoNumber Multiply(RegoNumber a, RegoNumber b)
        => Apply(a, b, BigInteger.Multiply, decimal.Multiply, static (x, y) => x * y);

    /// <summary>The quotient; <see langword="null"/> when dividing by zero.</summary>
    public static RegoNumber? Divide(RegoNumber a, RegoNumber b)
    {
        if (b.Sign == 0)
        {
            return null;
        }

        if (a.IsInteger && b.IsInteger)
        {
            var quotient = BigInteger.DivRem(a.Big, b.Big, out var remainder);
            if (remainder.IsZero)
            {
                return Of(quotient);
            }
        }

        return Of(a.ToDouble() / b.ToDouble());
    }

    /// <summary>The remainder, with the sign of the dividend; <see langword="null"/> for fractions and when dividing by zero.</summary>
    public static RegoNumber? Remainder(RegoNumber a, RegoNumber b)
        => a.IsInteger && b.IsInteger && b.Sign != 0 ? Of(BigInteger.Remainder(a.Big, b.Big)) : null;

    /// <summary>-1, 0 or 1.</summary>
    public int Sign => form switch
    {
        Form.Long => Math.Sign(whole),
        Form.Big => big.Sign,
        Form.Decimal => Math.Sign(fraction),
        _ => Math.Sign(real),
    };

    /// <summary>The value of a whole number.</summary>
    public BigInteger Big => form == Form.Long ? whole : big;

    /// <summary>Without its sign.</summary>
    public RegoNumber Abs() => Sign < 0 ? Subtract(Small[1], this) : this;

    /// <summary>To the nearest whole number, halves away from zero.</summary>
    public RegoNumber Round() => Whole(static d => decimal.Round(d, MidpointRounding.AwayFromZero), static d => Math.Round(d, MidpointRounding.AwayFromZero));

    /// <summary>To the whole number above.</summary>
    public RegoNumber Ceiling() => Whole(decimal.Ceiling, Math.Ceiling);

    /// <summary>To the whole number below.</summary>
    public RegoNumber Floor() => Whole(decimal.Floor, Math.Floor);

    /// <summary>The number as a 32 bit integer, if it is one.</summary>
    public bool TryGetInt(out int value)
    {
        value = (int)Math.Clamp(whole, int.MinValue, int.MaxValue);
        return form == Form.Long && value == whole;
    }

    /// <summary>The number as a 64 bit integer, if it is one.</summary>
    public bool TryGetLong(out long value)
    {
        value = whole;
        return form == Form.Long;
    }

    /// <summary>The nearest binary fraction.</summary>
    public double ToDouble() => form switch
    {
        Form.Long => whole,
        Form.Big => (double)big,
        Form.Decimal => (double)fraction,
        _ => real,
    };

    /// <summary>The number as JSON.</summary>
    public string ToJson() => form switch
    {
        Form.Long => whole.ToString(CultureInfo.InvariantCulture),
        Form.Big => big.ToString(CultureInfo.InvariantCulture),
        Form.Decimal => fraction.ToString("0.############################", CultureInfo.InvariantCulture),
        _ => real.ToString("R", CultureInfo.InvariantCulture).Replace("E", "e", StringComparison.Ordinal),
    };

    protected override int CompareSameKind(RegoValue other)
    {
        var b = (RegoNumber)other;
        if (form == b.form)
        {
            return form switch
            {
                Form.Long => whole.CompareTo(b.whole),
                Form.Big => big.CompareTo(b.big),
                Form.Decimal => fraction.CompareTo(b.fraction),
                _ => real.CompareTo(b.real),
            };
        }

        if (IsInteger && b.IsInteger)
        {
            return Big.CompareTo(b.Big);
        }

        // Of two different forms the values differ too: a fraction lies between whole numbers.
        if (form is Form.Double || b.form is Form.Double || form is Form.Big || b.form is Form.Big)
        {
            var order = ToDouble().CompareTo(b.ToDouble());
            return order != 0 ? order : form.CompareTo(b.form);
        }

        return (form == Form.Long ? whole : fraction).CompareTo(b.form == Form.Long ? b.whole : b.fraction);
    }

    private static RegoNumber FromFraction(ReadOnlySpan<char> text, double real)
    {
        // A decimal holds 28 digits and silently rounds what has more; such a text is kept as the binary fraction.
        var digits = 0;
        foreach (var c in text)
        {
            if (c is 'e' or 'E')
            {
                break;
            }

            digits += char.IsAsciiDigit(c) ? 1 : 0;
        }

        var size = Math.Abs(real);
        if (digits <= 28 && (size == 0 || (size >= 1e-10 && size < 7.9e28))
            && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact))
        {
            return Of(exact);
        }

        return double.IsInteger(real) ? Of(new BigInteger(real)) : new RegoNumber(Form.Double, 0, default, 0, real);
    }

    private static RegoNumber Apply(
        RegoNumber a,
        RegoNumber b,
        Func<BigInteger, BigInteger, BigInteger> wholes,
        Func<decimal, decimal, decimal> decimals,
        Func<double, double, double> reals)
    {
        if (a.IsInteger && b.IsInteger)
        {
            return Of(wholes(a.Big, b.Big));
        }

        if (a.form is Form.Long or Form.Decimal && b.form is Form.Long or Form.Decimal)
        {
            try
            {
                return Of(decimals(a.form == Form.Long ? a.whole : a.fraction, b.form == Form.Long ? b.whole : b.fraction));
            }
            catch (OverflowException)
            {
                // Falls to the binary fraction.
            }
        }

        return Of(reals(a.ToDouble(), b.ToDouble())) ?? throw new RegoEvaluationException(RegoEvaluationException.Limit, default, "a number is too large");
    }

    private static bool WouldOverflow(long a, long b) => b > 0 ? a > long.MaxValue - b : a < long.MinValue - b;

    private static bool IsJson(ReadOnlySpan<char> text)
    {
        var at = text.Length > 0 && text[0] == '-' ? 1 : 0;
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
        {
            at++;
        }

        if (at == start || (text[start] == '0' && at - start > 1))
        {
            return false;
        }

        if (at < text.Length && text[at] == '.')
        {
            start = ++at;
            while (at < text.Length && char.IsAsciiDigit(text[at]))
            {
                at++;
            }

            if (at == start)
            {
                return false;
            }
        }

        if (at < text.Length && text[at] is 'e' or 'E')
        {
            at += at + 1 < text.Length && text[at + 1] is '+' or '-' ? 2 : 1;
            start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at]))
            {
                at++;
            }

            if (at == start)
            {
                return false;
            }
        }

        return at == text.Length;
    }

    private RegoNumber Whole(Func<decimal, decimal> decimals, Func<double, double> reals) => form switch
    {
        Form.Decimal => Of(decimals(fraction)),
        Form.Double => Of(new BigInteger(reals(real))),
        _ => this,
    };
}
