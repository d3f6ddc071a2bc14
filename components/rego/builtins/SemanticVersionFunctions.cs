using System.Globalization;
using System.Numerics;

namespace DaprK8s.Components.Rego;

/// <summary>Versions as semver.org describes them.</summary>
internal static class SemanticVersionFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("semver.is_valid", "any", static (_, a) => RegoBoolean.Of(a is RegoString s && Read(s.Value) is not null));
        table.Add("semver.compare", "string,string", static (_, a, b)
            => Read(StringFunctions.Text(a)) is { } x && Read(StringFunctions.Text(b)) is { } y ? RegoNumber.Of(Compare(x, y)) : null);
    }

    private static (BigInteger[] Core, string[] Pre)? Read(string version)
    {
        if (version.Length > 256)
        {
            return null;
        }

        var plus = version.IndexOf('+', StringComparison.Ordinal);
        var build = plus < 0 ? "x" : version[(plus + 1)..];
        version = plus < 0 ? version : version[..plus];
        var dash = version.IndexOf('-', StringComparison.Ordinal);
        var pre = dash < 0 ? [] : version[(dash + 1)..].Split('.');
        var core = (dash < 0 ? version : version[..dash]).Split('.');
        if (core.Length != 3 || !core.All(IsNumber) || !pre.All(IsIdentifier) || !build.Split('.').All(IsIdentifier))
        {
            return null;
        }

        return (Array.ConvertAll(core, c => BigInteger.Parse(c, CultureInfo.InvariantCulture)), pre);
    }

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    private static bool IsIdentifier(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static int Compare((BigInteger[] Core, string[] Pre) a, (BigInteger[] Core, string[] Pre) b)
    {
        for (var i = 0; i < 3; i++)
        {
            if (a.Core[i] != b.Core[i])
            {
                return a.Core[i] < b.Core[i] ? -1 : 1;
            }
        }

        if (a.Pre.Length == 0 || b.Pre.Length == 0)
        {
            return a.Pre.Length == b.Pre.Length ? 0 : a.Pre.Length == 0 ? 1 : -1;
        }

        for (var i = 0; i < Math.Min(a.Pre.Length, b.Pre.Length); i++)
        {
            var order = Compare(a.Pre[i], b.Pre[i]);
            if (order != 0)
            {
                return Math.Sign(order);
            }
        }

        return Math.Sign(a.Pre.Length - b.Pre.Length);
    }

    private static int Compare(string a, string b) => (IsNumber(a), IsNumber(b)) switch
    {
        (true, true) => BigInteger.Parse(a, CultureInfo.InvariantCulture).CompareTo(BigInteger.Parse(b, CultureInfo.InvariantCulture)),
        (true, false) => -1,
        (false, true) => 1,
        _ => string.CompareOrdinal(a, b),
    };
}
