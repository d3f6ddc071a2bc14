using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.Text;

namespace DaprK8s.Components.Metadata;

/// <summary>Makes <see cref="MetadataField"/>s; one method a type of the contract (contract: components 2.4).</summary>
public static class Field
{
    /// <summary>Free text.</summary>
    public static MetadataField<string> Text(
        string name, string description, string @default = "", bool required = false, bool sensitive = false, params string[] aliases)
        => new(name, "string", description, @default, @default.Length == 0 ? null : @default, "a text", static (string t, out string v) => (v = t) is not null)
        {
            Required = required,
            Sensitive = sensitive,
            Aliases = aliases,
        };

    /// <summary>One of a few words, compared without case; the value is the declared spelling.</summary>
    public static MetadataField<string> Choice(string name, string description, string @default, params string[] choices)
        => new(name, "string", description, @default, @default, "one of " + string.Join(", ", choices), (string t, out string v) =>
        {
            v = choices.FirstOrDefault(c => c.Equals(t.Trim(), StringComparison.OrdinalIgnoreCase)) ?? "";
            return v.Length > 0 || t.Length == 0;
        })
        { Choices = choices };

    /// <summary>A lenient boolean: <c>y yes true t on 1</c> are true, every other text is false.</summary>
    public static MetadataField<bool> Bool(string name, string description, bool @default = false, params string[] aliases)
        => new(name, "bool", description, @default, @default ? "true" : "false", "true or false", static (string t, out bool v) =>
        {
            v = Truthy.IsTruthy(t);
            return true;
        })
        { Aliases = aliases };

    /// <summary>A strict boolean (<c>true false 1 0 t f</c>); used by the settings that the reference reads with its second decoder.</summary>
    public static MetadataField<bool> StrictBool(string name, string description, bool @default = false, params string[] aliases)
        => new(name, "bool", description, @default, @default ? "true" : "false", "true or false", static (string t, out bool v) => Truthy.TryParseStrict(t.Trim(), out v))
        { Aliases = aliases, IsStrict = true };

    /// <summary>A whole number within limits (both inclusive).</summary>
    public static MetadataField<long> Number(
        string name, string description, long @default = 0, long min = long.MinValue, long max = long.MaxValue, bool hasDefault = true, params string[] aliases)
        => new(name, "number", description, @default, hasDefault ? @default.ToString(CultureInfo.InvariantCulture) : null, Range(min, max),
            (string t, out long v) => long.TryParse(t.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out v) && v >= min && v <= max)
        { Aliases = aliases, Minimum = min, Maximum = max };

    /// <summary>A number that need not be whole.</summary>
    public static MetadataField<double> Real(string name, string description, double @default)
        => new(name, "number", description, @default, @default.ToString(CultureInfo.InvariantCulture), "a number",
            static (string t, out double v) => double.TryParse(t.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out v) && double.IsFinite(v));

    /// <summary>A duration whose bare numbers are seconds.</summary>
    public static MetadataField<TimeSpan> Duration(string name, string description, TimeSpan @default, params string[] aliases)
        => DurationIn(TimeSpan.FromSeconds(1), "seconds", name, description, @default, aliases);

    /// <summary>A duration whose bare numbers are milliseconds (Redis and <c>backOff*</c> settings).</summary>
    public static MetadataField<TimeSpan> DurationMs(string name, string description, TimeSpan @default, params string[] aliases)
        => DurationIn(TimeSpan.FromMilliseconds(1), "milliseconds", name, description, @default, aliases);

    /// <summary>A duration that may be absent, which differs from zero. Bare numbers are seconds.</summary>
    public static MetadataField<TimeSpan?> OptionalDuration(string name, string description, params string[] aliases)
        => new(name, "duration", description, null, null, "a duration such as 30s (a bare number counts seconds)", static (string t, out TimeSpan? v) =>
        {
            v = null;
            if (t.Trim().Length == 0)
            {
                return true;
            }

            var ok = GoDuration.TryParse(t, TimeSpan.FromSeconds(1), out var parsed);
            v = parsed;
            return ok;
        })
        { Aliases = aliases, BareUnit = TimeSpan.FromSeconds(1) };

    /// <summary>A size in bytes as a Kubernetes quantity.</summary>
    public static MetadataField<long> Bytes(string name, string description, long @default = 0)
        => new(name, "bytes", description, @default, @default == 0 ? null : @default.ToString(CultureInfo.InvariantCulture),
            "a size such as 4Mi", static (string t, out long v) => Quantity.TryParse(t, out v));

    /// <summary>A comma list; elements are not trimmed.</summary>
    public static MetadataField<string[]> List(string name, string description)
        => new(name, "list", description, [], null, "a comma-separated list", static (string t, out string[] v) => (v = t.Split(',')) is not null);

    /// <summary>JSON text, kept as text once it is known to parse.</summary>
    public static MetadataField<string> Json(string name, string description)
        => new(name, "json", description, "", null, "JSON", static (string t, out string v) =>
        {
            v = t;
            try
            {
                JsonDocument.Parse(t).Dispose();
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        });

    private static MetadataField<TimeSpan> DurationIn(
        TimeSpan bareUnit, string unitName, string name, string description, TimeSpan @default, string[] aliases)
        => new(name, "duration", description, @default, GoDuration.Format(@default), $"a duration such as 30s (a bare number counts {unitName})",
            (string t, out TimeSpan v) =>
            {
                v = TimeSpan.Zero;
                return t.Trim().Length == 0 || GoDuration.TryParse(t, bareUnit, out v);
            })
        { Aliases = aliases, BareUnit = bareUnit };

    private static string Range(long min, long max)
        => (min, max) switch
        {
            (long.MinValue, long.MaxValue) => "a whole number",
            (_, long.MaxValue) => $"a whole number of at least {min}",
            (long.MinValue, _) => $"a whole number of at most {max}",
            _ => $"a whole number from {min} to {max}",
        };
}
