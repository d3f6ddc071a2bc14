using System.Text;

namespace DaprK8s.Components.Rego;

/// <summary>Texts without what is at their ends.</summary>
internal static class TrimFunctions
{
    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("trim", "string,string", static (_, a, b) => Trim(a, b, left: true, right: true));
        table.Add("trim_left", "string,string", static (_, a, b) => Trim(a, b, left: true, right: false));
        table.Add("trim_right", "string,string", static (_, a, b) => Trim(a, b, left: false, right: true));
        table.Add("trim_prefix", "string,string", static (_, a, b)
            => StringFunctions.Text(a).StartsWith(StringFunctions.Text(b), StringComparison.Ordinal)
                ? new RegoString(StringFunctions.Text(a)[StringFunctions.Text(b).Length..])
                : a);
        table.Add("trim_suffix", "string,string", static (_, a, b)
            => StringFunctions.Text(a).EndsWith(StringFunctions.Text(b), StringComparison.Ordinal)
                ? new RegoString(StringFunctions.Text(a)[..^StringFunctions.Text(b).Length])
                : a);
        table.Add("trim_space", "string", static (_, a) => new RegoString(StringFunctions.Text(a).Trim()));
    }

    private static RegoString Trim(RegoValue value, RegoValue characters, bool left, bool right)
    {
        var text = StringFunctions.Text(value).AsSpan();
        var cut = StringFunctions.Text(characters).EnumerateRunes().ToHashSet();
        while (left && Rune.DecodeFromUtf16(text, out var first, out var size) == System.Buffers.OperationStatus.Done && cut.Contains(first))
        {
            text = text[size..];
        }

        while (right && Rune.DecodeLastFromUtf16(text, out var last, out var size) == System.Buffers.OperationStatus.Done && cut.Contains(last))
        {
            text = text[..^size];
        }

        return new RegoString(text.ToString());
    }
}
