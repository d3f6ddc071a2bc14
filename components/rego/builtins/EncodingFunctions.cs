using System.Buffers.Text;
using System.Text;
using DaprK8s.Common.Resources;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace DaprK8s.Components.Rego;

/// <summary>Values as text of other formats, and back.</summary>
internal static class EncodingFunctions
{
    private const int MaxYamlDepth = 60;

    /// <summary>Adds them.</summary>
    public static void AddTo(BuiltinTable table)
    {
        table.Add("base64.encode", "string", static (e, a) => StringFunctions.Made(e, Convert.ToBase64String(Bytes(a))));
        table.Add("base64.decode", "string", static (e, a) => FromBase64(StringFunctions.Text(a)) is { } bytes ? Text(e, bytes) : null);
        table.Add("base64.is_valid", "any", static (_, a) => RegoBoolean.Of(a is RegoString s && FromBase64(s.Value) is not null));
        table.Add("base64url.encode", "string", static (e, a) => StringFunctions.Made(e, Padded(Base64Url.EncodeToString(Bytes(a)))));
        table.Add("base64url.encode_no_pad", "string", static (e, a) => StringFunctions.Made(e, Base64Url.EncodeToString(Bytes(a))));
        table.Add("base64url.decode", "string", static (e, a) => FromBase64Url(StringFunctions.Text(a)) is { } bytes ? Text(e, bytes) : null);
        table.Add("hex.encode", "string", static (e, a) => StringFunctions.Made(e, Convert.ToHexStringLower(Bytes(a))));
        table.Add("hex.decode", "string", static (e, a) => FromHex(StringFunctions.Text(a)) is { } bytes ? Text(e, bytes) : null);
        table.Add("json.marshal", "any", static (e, a) => StringFunctions.Made(e, RegoText.Json(a)));
        table.Add("json.unmarshal", "string", static (e, a) => Json(e, a));
        table.Add("json.is_valid", "any", static (e, a) => RegoBoolean.Of(a is RegoString && Json(e, a) is not null));
        table.Add("yaml.unmarshal", "string", static (e, a) => Yaml(e, a));
        table.Add("yaml.is_valid", "any", static (e, a) => RegoBoolean.Of(a is RegoString && Yaml(e, a) is not null));
        table.Add("yaml.marshal", "any", static (e, a) => StringFunctions.Made(e, YamlText.Of(a)));
    }

    /// <summary>The bytes of a text.</summary>
    public static byte[] Bytes(RegoValue text) => Encoding.UTF8.GetBytes(StringFunctions.Text(text));

    /// <summary>Base64 of URLs, with padding or without; <see langword="null"/> when it is none.</summary>
    public static byte[]? FromBase64Url(string text)
    {
        try
        {
            return text.AsSpan().ContainsAny("\r\n\t ") ? null : Base64Url.DecodeFromChars(WithoutSpareBits(text.TrimEnd('=')));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>The bits of the last character that stand for nothing should be zero; the reference takes any.</summary>
    private static ReadOnlySpan<char> WithoutSpareBits(string text)
    {
        const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var spare = (text.Length % 4) switch { 2 => 15, 3 => 3, _ => 0 };
        var last = spare == 0 ? -1 : Digits.IndexOf(text[^1], StringComparison.Ordinal);
        return last < 0 || (last & spare) == 0 ? text : text[..^1] + Digits[last & ~spare];
    }

    private static RegoString Text(Evaluation e, byte[] bytes) => StringFunctions.Made(e, Encoding.UTF8.GetString(bytes));

    private static byte[]? FromBase64(string text)
    {
        var bytes = new byte[(text.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(text, bytes, out var written) ? bytes[..written] : null;
    }

    private static byte[]? FromHex(string text)
    {
        var bytes = new byte[text.Length / 2];
        return text.Length % 2 == 0 && Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done ? bytes : null;
    }

    private static string Padded(string text) => text.PadRight((text.Length + 3) / 4 * 4, '=');

    private static RegoValue? Json(Evaluation e, RegoValue text)
    {
        e.Spend(StringFunctions.Text(text).Length / 8);
        return RegoJson.TryRead(StringFunctions.Text(text));
    }

    private static RegoValue? Yaml(Evaluation e, RegoValue value)
    {
        var text = StringFunctions.Text(value);
        e.Spend(text.Length);
        try
        {
            return !IsHarmless(text) ? null : YamlJson.Convert(text) is { } json ? RegoJson.TryRead(json) : RegoNull.Instance;
        }
        catch (Exception error) when (error is YamlException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Deep nesting would exhaust the stack of what reads the document, and aliases can make a short one enormous.</summary>
    private static bool IsHarmless(string text)
    {
        var depth = 0;
        var parser = new YamlDotNet.Core.Parser(new StringReader(text));
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaxYamlDepth || parser.Current is AnchorAlias)
            {
                return false;
            }
        }

        return true;
    }
}
