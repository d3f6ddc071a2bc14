namespace DaprK8s.Components.Rego;

/// <summary>Numbers with a unit, and unique identifiers.</summary>
internal static class UnitFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("units.parse", "string", static (_, a) => Parse(StringFunctions.Text(a), bytes: false));
        table.Add("units.parse_bytes", "string", static (_, a) => Parse(StringFunctions.Text(a), bytes: true));
        table.Add("uuid.rfc4122", "string", static (e, a) => e.Identifier(StringFunctions.Text(a)));
    }

    private static RegoNumber? Parse(string text, bool bytes)
    {
        text = text.Replace("\"", "", StringComparison.Ordinal);
        var end = text.AsSpan().IndexOfAnyExcept("0123456789.+-eE");
        var split = end < 0 ? text.Length : end;
        if (split > 0 && end < 0 && text[^1] is 'e' or 'E')
        {
            // Exa, not an exponent without digits.
            split--;
        }
        else if (split > 1 && end > 0 && text[split - 1] is 'e' or 'E')
        {
            split--;
        }

        var digits = text[..split];
        digits = (digits.StartsWith('.') ? "0" : "") + digits + (digits.EndsWith('.') ? "0" : "");
        if (split == 0 || text.Contains(' ', StringComparison.Ordinal) || !RegoNumber.TryParse(digits.TrimStart('+'), out var number))
        {
            return null;
        }

        var unit = text[split..];
        if (Factor(unit, bytes) is not { } factor)
        {
            return null;
        }

        var product = RegoNumber.Multiply(number, factor);
        return bytes ? product.Round() : product;
    }

    private static RegoNumber? Factor(string unit, bool bytes)
    {
        if (bytes)
        {
            unit = unit.ToLowerInvariant();
            unit = unit.EndsWith('b') ? unit[..^1] : unit;
        }
        else if (unit == "m")
        {
            return RegoNumber.Of(0.001m);
        }
        else if (unit != "M" && unit.Length > 0)
        {
            unit = unit.ToLowerInvariant();
        }

        var power = unit.Length == 0 ? 0 : "kmgtpe".IndexOf(char.ToLowerInvariant(unit[0]), StringComparison.Ordinal) + 1;
        return unit.Length switch
        {
            0 => RegoNumber.Of(1),
            1 when power > 0 => RegoNumber.Of(System.Numerics.BigInteger.Pow(1000, power)),
            2 when power > 0 && unit[1] == 'i' => RegoNumber.Of(System.Numerics.BigInteger.Pow(1024, power)),
            _ => null,
        };
    }
}
