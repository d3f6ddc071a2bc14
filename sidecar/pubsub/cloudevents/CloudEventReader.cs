using System.Text.Json;

namespace DaprK8s.Sidecar.PubSub.CloudEvents;

/// <summary>
/// Reads a received event in one pass, noting where the attributes lie that the sidecar needs. It takes hostile input:
/// depth costs no stack, a repeated name counts once (the last), and values of an unexpected kind are no error.
/// </summary>
internal static class CloudEventReader
{
    // The reference's parser stops at this depth too; our own reader does not recurse.
    private const int MaxDepth = 10_000;

    internal static JsonReaderOptions Strict { get; } = new() { MaxDepth = MaxDepth };

    internal static JsonReaderOptions FirstValue { get; } = new() { MaxDepth = MaxDepth, AllowMultipleValues = true };

    /// <exception cref="CloudEventException">The document is no JSON object.</exception>
    public static CloudEvent Read(ReadOnlyMemory<byte> document)
    {
        var attributes = default(JsonSlices);
        try
        {
            var reader = new Utf8JsonReader(document.Span, Strict);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw new CloudEventException("the message is no JSON object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var known = EventAttributes.TryMatch(ref reader, out var attribute);
                reader.Read();
                var slice = JsonSlice.Take(ref reader);
                if (known)
                {
                    attributes[attribute] = slice;
                }
            }

            // Trailing content makes the document something else than one event.
            reader.Read();
        }
        catch (JsonException e)
        {
            throw new CloudEventException(e.Message, e);
        }

        return new CloudEvent(document, attributes);
    }
}

/// <summary>A document is no CloudEvent, or one that can't be handed on.</summary>
internal sealed class CloudEventException(string message, Exception? inner = null) : Exception(message, inner);
