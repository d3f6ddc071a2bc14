using System.Runtime.CompilerServices;
using YamlDotNet.Core.Events;
using YamlDotNet.Core;

namespace DaprK8s.Components.Rego;

/// <summary>Values as YAML.</summary>
internal static class YamlText
{
    /// <summary>The value as a block document.</summary>
    public static string Of(RegoValue value)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Write(emitter, value);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Write(Emitter emitter, RegoValue value)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (value)
        {
            case RegoObject obj:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, true, obj.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                for (var i = 0; i < obj.Count; i++)
                {
                    WriteText(emitter, obj.Keys[i] is RegoString key ? key.Value : RegoText.Json(obj.Keys[i]));
                    Write(emitter, obj.Values[i]);
                }

                emitter.Emit(new MappingEnd());
                break;
            case RegoArray array:
                WriteList(emitter, array.Items);
                break;
            case RegoSet set:
                WriteList(emitter, set.Items);
                break;
            case RegoString text:
                WriteText(emitter, text.Value);
                break;
            default:
                emitter.Emit(new Scalar(RegoText.Json(value)));
                break;
        }
    }

    private static void WriteList(Emitter emitter, RegoValue[] items)
    {
        emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, true, items.Length == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
        foreach (var item in items)
        {
            Write(emitter, item);
        }

        emitter.Emit(new SequenceEnd());
    }

    /// <summary>A text that would be read back as something else is quoted.</summary>
    private static void WriteText(Emitter emitter, string text)
    {
        var looksOtherwise = text.Length == 0 || RegoNumber.TryParse(text, out _) || text[0] is '+' or '.' or '~' || char.IsAsciiDigit(text[0])
            || text.ToLowerInvariant() is "null" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n";
        emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, looksOtherwise ? ScalarStyle.DoubleQuoted : ScalarStyle.Any, true, true));
    }
}
