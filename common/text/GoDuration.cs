using System.Globalization;
using System.Text;

namespace DaprK8s.Common.Text;

/// <summary>
/// Durations in the notation of Go's <c>time.ParseDuration</c> (<c>1h30m</c>, <c>500ms</c>, <c>1.5s</c>, <c>-2us</c>),
/// which every duration of the contract uses (contract: operations 1.2, components 2.4). Resolution is 100 ns, the tick of
/// <see cref="TimeSpan"/>; smaller parts are cut off.
/// </summary>
public static class GoDuration
{
    private static readonly (string Unit, decimal Ticks)[] Units =
    [
        ("ns", 0.01m), ("us", 10m), ("\u00b5s", 10m), ("\u03bcs", 10m), ("ms", 10_000m),
        ("s", 10_000_000m), ("m", 600_000_000m), ("h", 36_000_000_000m),
    ];

    /// <summary>Parses a Go duration; a bare <c>0</c> is the only number allowed without a unit.</summary>
    /// <returns><see langword="false"/> when the text is no Go duration or does not fit a <see cref="TimeSpan"/>.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        var rest = text;
        var negative = false;
        if (rest.Length > 0 && rest[0] is '+' or '-')
        {
            negative = rest[0] == '-';
            rest = rest[1..];
        }

        if (rest is "0")
        {
            return true;
        }

        if (rest.IsEmpty)
        {
            return false;
        }

        decimal total = 0;
        while (!rest.IsEmpty)
        {
            if (!TryTakePart(ref rest, out var ticks))
            {
                return false;
            }

            total += ticks;
            if (total > long.MaxValue)
            {
                return false;
            }
        }

        duration = TimeSpan.FromTicks((long)(negative ? -total : total));
        return true;
    }

    /// <summary>Parses a Go duration, or else a whole number in the unit given.</summary>
    /// <param name="text">The text; white space around it is ignored.</param>
    /// <param name="bareUnit">What a number without a unit counts: one second for most components, one millisecond for Redis settings.</param>
    /// <param name="duration">The result.</param>
    public static bool TryParse(ReadOnlySpan<char> text, TimeSpan bareUnit, out TimeSpan duration)
    {
        text = text.Trim();
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            var ticks = (decimal)number * bareUnit.Ticks;
            if (ticks is > long.MaxValue or < long.MinValue)
            {
                duration = default;
                return false;
            }

            duration = TimeSpan.FromTicks((long)ticks);
            return true;
        }

        return TryParse(text, out duration);
    }

    /// <summary>Writes a duration as Go prints it: <c>1h0m0s</c>, <c>1m30s</c>, <c>2.5s</c>, <c>500ms</c>, <c>0s</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        var text = new StringBuilder();
        if (duration < TimeSpan.Zero)
        {
            text.Append('-');
            duration = duration == TimeSpan.MinValue ? TimeSpan.MaxValue : duration.Negate();
        }

        if (duration < TimeSpan.FromSeconds(1))
        {
            return duration < TimeSpan.FromMilliseconds(1)
                ? text.Append(Number(duration.Ticks / 10m)).Append("\u00b5s").ToString()
                : text.Append(Number(duration.Ticks / 10_000m)).Append("ms").ToString();
        }

        var hours = (long)duration.TotalHours;
        if (hours > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        }

        if (hours > 0 || duration.Minutes > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{duration.Minutes}m");
        }

        var seconds = duration.Ticks % TimeSpan.TicksPerMinute / (decimal)TimeSpan.TicksPerSecond;
        return text.Append(Number(seconds)).Append('s').ToString();

        static string Number(decimal value) => value.ToString("0.#########", CultureInfo.InvariantCulture);
    }

    private static bool TryTakePart(ref ReadOnlySpan<char> rest, out decimal ticks)
    {
        ticks = 0;
        var digits = 0;
        while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
        {
            digits++;
        }

        var number = rest[..digits];
        if (digits == 0 || number is "." || number.Count('.') > 1 || digits > 25
            || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        rest = rest[digits..];
        var letters = 0;
        while (letters < rest.Length && rest[letters] != '.' && !char.IsAsciiDigit(rest[letters]))
        {
            letters++;
        }

        var unit = rest[..letters];
        foreach (var (name, size) in Units)
        {
            if (!unit.SequenceEqual(name))
            {
                continue;
            }

            if (value > long.MaxValue / size)
            {
                return false;
            }

            ticks = decimal.Truncate(value * size);
            rest = rest[letters..];
            return true;
        }

        return false;
    }
}
