using System.Globalization;
using System.Text;

namespace DaprK8s.Common.Text;

/// <summary>Texts in double quotes as Go's <c>%q</c> writes them, for messages of the contract that quote what a caller sent.</summary>
public static class GoQuote
{
    /// <summary>Quotes a text; quotes, backslashes and everything unprintable are escaped.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            Append(quoted, rune);
        }

        return quoted.Append('"').ToString();
    }

    private static void Append(StringBuilder quoted, Rune rune)
    {
        var escape = rune.Value switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\a' => "\\a",
            '\b' => "\\b",
            '\f' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\v' => "\\v",
            < ' ' or 0x7f => string.Create(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}"),
            > 0xffff when !IsPrintable(rune) => string.Create(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"),
            _ when !IsPrintable(rune) => string.Create(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"),
            _ => null,
        };
        _ = escape is null ? quoted.Append(rune.ToString()) : quoted.Append(escape);
    }

    private static bool IsPrintable(Rune rune)
        => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator);
}
