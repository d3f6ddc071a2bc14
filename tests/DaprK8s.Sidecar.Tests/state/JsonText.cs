using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using CsCheck;

namespace DaprK8s.Sidecar.Tests.State;

/// <summary>Random JSON as its tokens, so that a test knows the compact form without parsing.</summary>
internal sealed record JsonText(string[] Tokens, string Spaced)
{
    public string Compact => string.Concat(Tokens);

    private static readonly Gen<string> Text = Gen.Select(
        Gen.OneOf<string>(" ", "\t", "\n", "\\", "\"", "{", "}", "[", "]", ",", ":", "/", "a", "\u00e9", "\U0001F600").Array[0, 8],
        Gen.Bool,
        (parts, escaped) => $"\"{JsonEncodedText.Encode(string.Concat(parts), escaped ? JavaScriptEncoder.Default : JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");

    private static readonly Gen<string> Scalar = Gen.OneOf<string>(
        Text,
        Gen.OneOf<string>("null", "true", "false", "0", "-0", "1e400", "1.10", "123456789012345678901234567890.000000000000000001", "9007199254740993"),
        Gen.Int.Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    private static readonly Gen<string[]> Value = Gen.Recursive<string[]>((depth, inner) => depth > 4
        ? Scalar.Select(s => new[] { s })
        : Gen.OneOf<string[]>(
            Scalar.Select(s => new[] { s }),
            inner.Array[0, 3].Select(items => Wrap("[", items, "]")),
            Gen.Select(Text, inner).Array[0, 3].Select(items => Wrap("{", [.. items.Select(i => (string[])[i.Item1, ":", .. i.Item2])], "}"))));

    public static readonly Gen<JsonText> Any = Gen.Select(Value, Gen.OneOf<string>("", " ", "\n\t", "  \r\n").Array[1, 7])
        .Select((tokens, gaps) => new JsonText(tokens, Space(tokens, gaps)));

    private static string[] Wrap(string open, string[][] items, string close)
        => [open, .. items.SelectMany((item, i) => i == 0 ? item : [",", .. item]), close];

    private static string Space(string[] tokens, string[] gaps)
    {
        var text = new StringBuilder();
        for (var i = 0; i < tokens.Length; i++)
        {
            text.Append(gaps[i % gaps.Length]).Append(tokens[i]);
        }

        return text.Append(gaps[0]).ToString();
    }
}
