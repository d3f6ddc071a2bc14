using System.Globalization;
using System.Numerics;
using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Times as text by an example, as Go describes layouts: <c>2006-01-02T15:04:05Z07:00</c>.</summary>
internal static class GoTime
{
    /// <summary>The usual layout.</summary>
    public const string Rfc3339 = "2006-01-02T15:04:05Z07:00";

    /// <summary>The usual layout with fractions of a second.</summary>
    public const string Rfc3339Nano = "2006-01-02T15:04:05.999999999Z07:00";

    // Longer ones first where one begins with another.
    private static readonly string[] Elements =
    [
        "January", "Jan", "Monday", "Mon", "MST", "2006", "Z07:00:00", "Z070000", "Z07:00", "Z0700", "Z07", "-07:00:00", "-070000", "-07:00", "-0700", "-07",
        "002", "01", "02", "03", "04", "05", "06", "15", "__2", "_2", "PM", "pm", "1", "2", "3", "4", "5",
    ];

    /// <summary>The layout of a name of Go's, or the layout itself.</summary>
    public static string Layout(string layout) => layout switch
    {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => Rfc3339,
        "" or "RFC3339Nano" => Rfc3339Nano,
        _ => layout,
    };

    /// <summary>Writes a time.</summary>
    public static string Format(TimeFunctions.Moment moment, string layout)
    {
        var local = moment.Local;
        var text = new StringBuilder();
        for (var at = 0; at < layout.Length;)
        {
            var element = ElementAt(layout, at);
            at += Math.Max(1, element.Length);
            if (element.Length == 0)
            {
                text.Append(layout[at - 1]);
            }
            else if (element[0] is '.' or ',')
            {
                Fraction(text, element, ((int)(local.Ticks % TimeSpan.TicksPerSecond) * 100) + moment.BelowTick);
            }
            else
            {
                text.Append(Written(element, local, moment));
            }
        }

        return text.ToString();
    }

    /// <summary>Reads a time.</summary>
    public static bool TryParse(string layout, string text, out RegoNumber nanoseconds)
    {
        nanoseconds = RegoNumber.Of(0);
        int year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = 0;
        bool? afternoon = null;
        var offset = TimeSpan.Zero;
        var from = 0;
        for (var at = 0; at < layout.Length;)
        {
            var element = ElementAt(layout, at);
            at += Math.Max(1, element.Length);
            bool read;
            switch (element)
            {
                case "":
                    read = from < text.Length && text[from++] == layout[at - 1];
                    break;
                case "2006":
                    read = Digits(text, ref from, 4, 4, out year);
                    break;
                case "06":
                    read = Digits(text, ref from, 2, 2, out year);
                    year += year >= 69 ? 1900 : 2000;
                    break;
                case "01":
                    read = Digits(text, ref from, 2, 2, out month);
                    break;
                case "1":
                    read = Digits(text, ref from, 1, 2, out month);
                    break;
                case "January":
                    read = Name(text, ref from, CultureInfo.InvariantCulture.DateTimeFormat.MonthNames, out month);
                    break;
                case "Jan":
                    read = Name(text, ref from, CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedMonthNames, out month);
                    break;
                case "Monday":
                    read = Name(text, ref from, CultureInfo.InvariantCulture.DateTimeFormat.DayNames, out _);
                    break;
                case "Mon":
                    read = Name(text, ref from, CultureInfo.InvariantCulture.DateTimeFormat.AbbreviatedDayNames, out _);
                    break;
                case "02":
                    read = Digits(text, ref from, 2, 2, out day);
                    break;
                case "2" or "_2":
                    from += element == "_2" && from < text.Length && text[from] == ' ' ? 1 : 0;
                    read = Digits(text, ref from, 1, 2, out day);
                    break;
                case "15":
                    read = Digits(text, ref from, 2, 2, out hour);
                    break;
                case "03" or "3":
                    read = Digits(text, ref from, element.Length, 2, out hour) && hour <= 12;
                    break;
                case "04" or "4":
                    read = Digits(text, ref from, element.Length, 2, out minute);
                    break;
                case "05" or "5":
                    read = Digits(text, ref from, element.Length, 2, out second);
                    // A fraction may follow even where the layout has none.
                    var expected = at < layout.Length && layout[at] is '.' or ',';
                    if (read && !expected && from + 1 < text.Length && text[from] is '.' or ',' && char.IsAsciiDigit(text[from + 1]))
                    {
                        read = FractionOf(text, ref from, out fraction);
                    }

                    break;
                case "PM" or "pm":
                    var half = from + 2 <= text.Length ? text.Substring(from, 2) : "";
                    from += 2;
                    afternoon = half is "PM" or "pm";
                    read = half is "PM" or "pm" or "AM" or "am";
                    break;
                case "MST":
                    read = from + 3 <= text.Length && text.Substring(from, 3) is "UTC" or "GMT";
                    from += 3;
                    break;
                case ['.' or ',', '9', ..] when from >= text.Length || text[from] is not ('.' or ','):
                    read = true;
                    break;
                case ['.' or ',', ..]:
                    var start = from;
                    read = from < text.Length && FractionOf(text, ref from, out fraction) && (element[1] == '9' || from - start == element.Length);
                    break;
                case ['Z' or '-', ..]:
                    read = Offset(text, ref from, element, out offset);
                    break;
                default:
                    return false;
            }

            if (!read)
            {
                return false;
            }
        }

        hour = afternoon is { } late ? (hour % 12) + (late ? 12 : 0) : hour;
        if (from != text.Length || year is < 1 or > 9999 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var ticks = new DateTime(year, month, day, hour, minute, second).Ticks - offset.Ticks - DateTime.UnixEpoch.Ticks;
        var ns = ((BigInteger)ticks * 100) + fraction;
        nanoseconds = ns >= long.MinValue && ns <= long.MaxValue ? RegoNumber.Of(ns) : nanoseconds;
        return ns >= long.MinValue && ns <= long.MaxValue;
    }

    private static string ElementAt(string layout, int at)
    {
        if (layout[at] is '.' or ',' && at + 1 < layout.Length && layout[at + 1] is '0' or '9')
        {
            var end = at + 1;
            while (end < layout.Length && layout[end] == layout[at + 1])
            {
                end++;
            }

            if (end == layout.Length || !char.IsAsciiDigit(layout[end]))
            {
                return layout[at..end];
            }
        }

        return Array.Find(Elements, e => string.CompareOrdinal(layout, at, e, 0, e.Length) == 0) ?? "";
    }

    private static string Written(string element, DateTime local, TimeFunctions.Moment moment) => element switch
    {
        "2006" => local.ToString("yyyy", CultureInfo.InvariantCulture),
        "06" => local.ToString("yy", CultureInfo.InvariantCulture),
        "01" => local.ToString("MM", CultureInfo.InvariantCulture),
        "1" => local.ToString("%M", CultureInfo.InvariantCulture),
        "January" => local.ToString("MMMM", CultureInfo.InvariantCulture),
        "Jan" => local.ToString("MMM", CultureInfo.InvariantCulture),
        "Monday" => local.ToString("dddd", CultureInfo.InvariantCulture),
        "Mon" => local.ToString("ddd", CultureInfo.InvariantCulture),
        "02" => local.ToString("dd", CultureInfo.InvariantCulture),
        "2" => local.ToString("%d", CultureInfo.InvariantCulture),
        "_2" => local.ToString("%d", CultureInfo.InvariantCulture).PadLeft(2),
        "002" => local.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
        "__2" => local.DayOfYear.ToString(CultureInfo.InvariantCulture).PadLeft(3),
        "15" => local.ToString("HH", CultureInfo.InvariantCulture),
        "03" => local.ToString("hh", CultureInfo.InvariantCulture),
        "3" => local.ToString("%h", CultureInfo.InvariantCulture),
        "04" => local.ToString("mm", CultureInfo.InvariantCulture),
        "4" => local.ToString("%m", CultureInfo.InvariantCulture),
        "05" => local.ToString("ss", CultureInfo.InvariantCulture),
        "5" => local.ToString("%s", CultureInfo.InvariantCulture),
        "PM" => local.Hour < 12 ? "AM" : "PM",
        "pm" => local.Hour < 12 ? "am" : "pm",
        "MST" => moment.Offset == TimeSpan.Zero ? "UTC" : OffsetText("-07", moment.Offset),
        _ => element[0] == 'Z' && moment.Offset == TimeSpan.Zero ? "Z" : OffsetText(element, moment.Offset),
    };

    private static string OffsetText(string element, TimeSpan offset)
    {
        var size = offset.Duration();
        var parts = element[1..] switch
        {
            "07" => size.ToString("hh", CultureInfo.InvariantCulture),
            "0700" => size.ToString("hhmm", CultureInfo.InvariantCulture),
            "07:00" => size.ToString("hh\\:mm", CultureInfo.InvariantCulture),
            "070000" => size.ToString("hhmmss", CultureInfo.InvariantCulture),
            _ => size.ToString("hh\\:mm\\:ss", CultureInfo.InvariantCulture),
        };
        return (offset < TimeSpan.Zero ? "-" : "+") + parts;
    }

    private static void Fraction(StringBuilder text, string element, int nanoseconds)
    {
        var digits = nanoseconds.ToString("000000000", CultureInfo.InvariantCulture)[..Math.Min(9, element.Length - 1)];
        digits = element[1] == '9' ? digits.TrimEnd('0') : digits;
        text.Append(digits.Length == 0 ? "" : element[..1] + digits);
    }

    private static bool FractionOf(string text, ref int from, out int nanoseconds)
    {
        nanoseconds = 0;
        if (text[from++] is not ('.' or ','))
        {
            return false;
        }

        var start = from;
        for (var unit = 100_000_000; from < text.Length && char.IsAsciiDigit(text[from]); unit /= 10)
        {
            nanoseconds += (text[from++] - '0') * unit;
        }

        return from > start;
    }

    private static bool Digits(string text, ref int from, int least, int most, out int number)
    {
        var start = from;
        number = 0;
        while (from < text.Length && from - start < most && char.IsAsciiDigit(text[from]))
        {
            number = (number * 10) + text[from++] - '0';
        }

        return from - start >= least;
    }

    private static bool Name(string text, ref int from, string[] names, out int number)
    {
        var start = from;
        number = Array.FindIndex(names, n => n.Length > 0 && string.Compare(text, start, n, 0, n.Length, StringComparison.OrdinalIgnoreCase) == 0) + 1;
        from += number > 0 ? names[number - 1].Length : 0;
        return number > 0;
    }

    private static bool Offset(string text, ref int from, string element, out TimeSpan offset)
    {
        offset = TimeSpan.Zero;
        if (element[0] == 'Z' && from < text.Length && text[from] == 'Z')
        {
            from++;
            return true;
        }

        if (from >= text.Length || text[from] is not ('+' or '-'))
        {
            return false;
        }

        var sign = text[from++] == '-' ? -1 : 1;
        int hours = 0, minutes = 0, seconds = 0;
        var colon = element.Contains(':', StringComparison.Ordinal);
        var count = element.Count(char.IsAsciiDigit) / 2;
        var read = Digits(text, ref from, 2, 2, out hours)
            && (count < 2 || ((!colon || (from < text.Length && text[from++] == ':')) && Digits(text, ref from, 2, 2, out minutes)))
            && (count < 3 || ((!colon || (from < text.Length && text[from++] == ':')) && Digits(text, ref from, 2, 2, out seconds)));
        offset = sign * new TimeSpan(hours, minutes, seconds);
        return read && hours <= 24 && minutes < 60 && seconds < 60;
    }
}
