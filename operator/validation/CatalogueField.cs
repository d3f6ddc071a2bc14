using System.Globalization;
using System.Text.Json;
using DaprK8s.Common.Text;

namespace DaprK8s.Operator.Validation;

/// <summary>A metadata field of a component type.</summary>
internal sealed class CatalogueField
{
    /// <summary>The documented spelling.</summary>
    public string Name { get; set; } = "";

    /// <summary>Other names for it.</summary>
    public string[] Aliases { get; set; } = [];

    /// <summary><c>string</c>, <c>bool</c>, <c>number</c>, <c>duration</c>, <c>bytes</c>, <c>list</c> or <c>json</c>.</summary>
    public string Type { get; set; } = "string";

    /// <summary>The component does not load without it.</summary>
    public bool Required { get; set; }

    /// <summary>A secret, which no message may show.</summary>
    public bool Sensitive { get; set; }

    /// <summary>Of a boolean: not every text is one.</summary>
    public bool Strict { get; set; }

    /// <summary>Of a number: it must be whole.</summary>
    public bool Whole { get; set; }

    /// <summary>The smallest number.</summary>
    public long Minimum { get; set; } = long.MinValue;

    /// <summary>The largest number.</summary>
    public long Maximum { get; set; } = long.MaxValue;

    /// <summary>The values allowed; empty when all are.</summary>
    public string[] Choices { get; set; } = [];

    /// <summary>Of a duration: what a number without unit counts.</summary>
    public string BareUnit { get; set; } = "1s";

    /// <summary>Why a text is no value of the field, or <see langword="null"/> when it is one.</summary>
    public string? Check(string text)
    {
        var expected = Type switch
        {
            "bool" when Strict => Truthy.TryParseStrict(text.Trim(), out _) ? null : "true or false",
            "number" when Whole => IsWhole(text) ? null : Range(),
            "number" => double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out var v) && double.IsFinite(v) ? null : "a number",
            "duration" => GoDuration.TryParse(text, Unit(), out _)
                ? null
                : $"a duration such as {(BareUnit == "1ms" ? "500ms" : "30s")} (a bare number counts {(BareUnit == "1ms" ? "milliseconds" : "seconds")})",
            "bytes" => Quantity.TryParse(text, out _) ? null : "a size such as 4Mi",
            "json" => IsJson(text) ? null : "JSON",
            _ when Choices.Length > 0 => Choices.Contains(text.Trim(), StringComparer.OrdinalIgnoreCase) ? null : "one of " + string.Join(", ", Choices),
            _ => null,
        };
        return expected is null ? null : Sensitive ? $"must be {expected}" : $"must be {expected}, is {GoQuote.Quote(text)}";
    }

    private TimeSpan Unit() => GoDuration.TryParse(BareUnit, out var unit) ? unit : TimeSpan.FromSeconds(1);

    private bool IsWhole(string text)
        => long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= Minimum && number <= Maximum;

    private string Range()
        => (Minimum, Maximum) switch
        {
            (long.MinValue, long.MaxValue) => "a whole number",
            (_, long.MaxValue) => $"a whole number of at least {Minimum}",
            (long.MinValue, _) => $"a whole number of at most {Maximum}",
            _ => $"a whole number from {Minimum} to {Maximum}",
        };

    private static bool IsJson(string text)
    {
        try
        {
            JsonDocument.Parse(text).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
