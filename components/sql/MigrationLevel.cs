using System.Globalization;

namespace DaprK8s.Components.Sql;

/// <summary>
/// The number of schema changes that a database has been through, as SQL providers note it in their metadata table
/// (contract: components 3.3).
/// </summary>
internal static class MigrationLevel
{
    /// <summary>Reads a noted level; no note is level zero.</summary>
    /// <exception cref="InvalidOperationException">The note is no number, or below zero.</exception>
    public static int Parse(string? text)
    {
        if (text is null)
        {
            return 0;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var level) && level >= 0
            ? level
            : throw new InvalidOperationException($"invalid migration level found in metadata table: {text}");
    }

    /// <summary>Writes a level the way it is noted.</summary>
    public static string Format(int level) => level.ToString(CultureInfo.InvariantCulture);
}
