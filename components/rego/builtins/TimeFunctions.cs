using System.Numerics;
using DaprK8s.Common.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Times: nanoseconds since 1970, and their calendar.</summary>
internal static class TimeFunctions
{
    private const long NanosecondsPerTick = 100;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("time.now_ns", static e => Nanoseconds(e.Now));
        table.Add("time.parse_rfc3339_ns", "string", static (_, a) => GoTime.TryParse(GoTime.Rfc3339, StringFunctions.Text(a), out var ns) ? ns : null);
        table.Add("time.parse_ns", "string,string", static (_, a, b)
            => GoTime.TryParse(GoTime.Layout(StringFunctions.Text(a)), StringFunctions.Text(b), out var ns) ? ns : null);
        table.Add("time.parse_duration_ns", "string", static (Evaluation _, RegoValue a) => GoDuration.TryParse(StringFunctions.Text(a), out var duration)
            ? Fits((BigInteger)duration.Ticks * NanosecondsPerTick)
            : null);
        table.Add("time.format", "number|array", static (e, a) => Moment.Of(a) is { } m ? StringFunctions.Made(e, GoTime.Format(m, m.Layout)) : null);
        table.Add("time.date", "number|array", static (_, a) => Moment.Of(a) is { } m ? Numbers(m.Local.Year, m.Local.Month, m.Local.Day) : null);
        table.Add("time.clock", "number|array", static (_, a) => Moment.Of(a) is { } m ? Numbers(m.Local.Hour, m.Local.Minute, m.Local.Second) : null);
        table.Add("time.weekday", "number|array", static (_, a) => Moment.Of(a) is { } m ? new RegoString(m.Local.DayOfWeek.ToString()) : null);
        table.Add("time.add_date", "number|array,number,number,number", static (_, a) => AddDate(a));
        table.Add("time.diff", "number|array,number|array", static (_, a, b) => Moment.Of(a) is { } x && Moment.Of(b) is { } y ? Difference(x, y) : null);
    }

    /// <summary>A time as nanoseconds since 1970.</summary>
    public static RegoNumber Nanoseconds(DateTimeOffset time) => RegoNumber.Of((time.UtcTicks - DateTime.UnixEpoch.Ticks) * NanosecondsPerTick);

    private static RegoArray Numbers(params ReadOnlySpan<int> numbers)
    {
        var items = new RegoValue[numbers.Length];
        for (var i = 0; i < items.Length; i++)
        {
            items[i] = RegoNumber.Of(numbers[i]);
        }

        return new RegoArray(items);
    }

    private static RegoNumber? AddDate(RegoValue[] a)
    {
        if (Moment.Of(a[0]) is not { } moment || !((RegoNumber)a[1]).TryGetInt(out var years)
            || !((RegoNumber)a[2]).TryGetInt(out var months) || !((RegoNumber)a[3]).TryGetInt(out var days))
        {
            return null;
        }

        // Days beyond the end of a month run over into the next one.
        var allMonths = ((moment.Local.Year + (long)years) * 12) + moment.Local.Month - 1 + months;
        var (year, month) = (allMonths / 12, (int)(allMonths % 12) + 1);
        if (year is < 1 or > 9998 || Math.Abs((long)days) > 4_000_000)
        {
            return null;
        }

        try
        {
            var local = new DateTime((int)year, month, 1).AddDays(moment.Local.Day - 1 + (double)days) + moment.Local.TimeOfDay;
            var utc = local - moment.Zone.GetUtcOffset(DateTime.SpecifyKind(local, DateTimeKind.Unspecified));
            return Fits(((BigInteger)(utc.Ticks - DateTime.UnixEpoch.Ticks) * NanosecondsPerTick) + moment.BelowTick);
        }
        catch (ArgumentOutOfRangeException)
        {
            return null;
        }
    }

    private static RegoNumber? Fits(BigInteger nanoseconds)
        => nanoseconds >= long.MinValue && nanoseconds <= long.MaxValue ? RegoNumber.Of(nanoseconds) : null;

    /// <summary>Years, months, days, hours, minutes and seconds between two times, whichever comes first.</summary>
    private static RegoArray Difference(Moment a, Moment b)
    {
        // The second time is seen in the zone of the first.
        var (from, to) = (a.Local, TimeZoneInfo.ConvertTimeFromUtc(b.Utc, a.Zone));
        if (from > to)
        {
            (from, to) = (to, from);
        }

        int years = to.Year - from.Year, months = to.Month - from.Month, days = to.Day - from.Day;
        int hours = to.Hour - from.Hour, minutes = to.Minute - from.Minute, seconds = to.Second - from.Second;
        Borrow(ref seconds, ref minutes, 60);
        Borrow(ref minutes, ref hours, 60);
        Borrow(ref hours, ref days, 24);
        if (days < 0)
        {
            days += DateTime.DaysInMonth(from.Year, from.Month);
            months--;
        }

        Borrow(ref months, ref years, 12);
        return Numbers(years, months, days, hours, minutes, seconds);
    }

    private static void Borrow(ref int small, ref int large, int size)
    {
        if (small < 0)
        {
            small += size;
            large--;
        }
    }

    /// <summary>A time as a policy gives it: nanoseconds, or an array of them with a zone and a layout.</summary>
    internal readonly record struct Moment(DateTime Utc, int BelowTick, TimeZoneInfo Zone, string Layout)
    {
        /// <summary>The time on a clock of the zone.</summary>
        public DateTime Local => TimeZoneInfo.ConvertTimeFromUtc(Utc, Zone);

        /// <summary>The distance of the zone's clock from UTC.</summary>
        public TimeSpan Offset => Zone.GetUtcOffset(Utc);

        /// <summary>Reads one; <see langword="null"/> when it is none.</summary>
        public static Moment? Of(RegoValue value)
        {
            var items = (value as RegoArray)?.Items ?? [value];
            if (items.Length is < 1 or > 3 || items[0] is not RegoNumber number || !number.TryGetLong(out var ns)
                || !Array.TrueForAll(items[1..], i => i is RegoString))
            {
                return null;
            }

            var zone = items.Length > 1 ? FindZone(StringFunctions.Text(items[1])) : TimeZoneInfo.Utc;
            var layout = items.Length > 2 ? GoTime.Layout(StringFunctions.Text(items[2])) : GoTime.Rfc3339Nano;
            var (ticks, below) = Math.DivRem(ns, NanosecondsPerTick);
            ticks -= below < 0 ? 1 : 0;
            below += below < 0 ? NanosecondsPerTick : 0;
            return zone is null ? null : new Moment(DateTime.UnixEpoch.AddTicks(ticks), (int)below, zone, layout);
        }

        private static TimeZoneInfo? FindZone(string name)
            => name is "" or "UTC" ? TimeZoneInfo.Utc
                : name == "Local" ? TimeZoneInfo.Local
                : TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;
    }
}
