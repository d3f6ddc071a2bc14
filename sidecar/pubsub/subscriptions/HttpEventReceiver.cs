using System.Text.Json;
using DaprK8s.Sidecar.App;
using DaprK8s.Sidecar.PubSub.CloudEvents;
using DaprK8s.Sidecar.Tracing;

namespace DaprK8s.Sidecar.PubSub.Subscriptions;

/// <summary>Delivers events to an HTTP app (contract: messaging 2.9, 2.11).</summary>
internal sealed class HttpEventReceiver(IHttpAppChannel app, string pubsub) : IEventReceiver
{
    private readonly IReadOnlyDictionary<string, string> plainHeaders = DeliveryHeaders.Of(pubsub);

    public async ValueTask<DeliveryVerdict> DeliverAsync(IncomingEvent incoming, string path, TraceContext trace, CancellationToken cancellationToken)
    {
        var call = new AppCall(path.StartsWith('/') ? path : "/" + path, incoming.Body, DataContentType.CloudEventJson)
        {
            Headers = incoming.Message.Metadata.Count == 0 ? plainHeaders : DeliveryHeaders.Of(pubsub, incoming.Message),
            Trace = trace,
        };

        AppAnswer answer;
        try
        {
            answer = await app.SendAsync(call, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new DeliveryFailedException($"the app can't be reached: {e.Message}", e);
        }

        return Interpret(answer) ?? throw new DeliveryFailedException($"the app asked for a retry or failed, http status {answer.Status}")
        {
            HttpStatus = answer.Status,
        };
    }

    /// <summary>What an answer means; <see langword="null"/> for a failure that is worth a retry.</summary>
    internal static DeliveryVerdict? Interpret(AppAnswer answer)
        => answer.Status switch
        {
            >= 200 and < 300 => InterpretBody(answer.Body.Span),
            404 => DeliveryVerdict.Drop,
            _ => null,
        };

    // Only a whole JSON object is listened to: whatever else an app answers with a good status means that it is content.
    private static DeliveryVerdict? InterpretBody(ReadOnlySpan<byte> body)
    {
        body = body.TrimStart(" \t\r\n"u8);
        if (body.IsEmpty || body[0] != '{')
        {
            return DeliveryVerdict.Success;
        }

        DeliveryVerdict? verdict = DeliveryVerdict.Success;
        try
        {
            var reader = new Utf8JsonReader(body, CloudEventReader.Strict);
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isStatus = IsStatus(ref reader);
                reader.Read();
                if (!isStatus || reader.TokenType == JsonTokenType.Null)
                {
                    reader.Skip();
                    continue;
                }

                if (reader.TokenType != JsonTokenType.String)
                {
                    return DeliveryVerdict.Success;
                }

                verdict = reader.TextIs("SUCCESS"u8) || reader.TextIs(""u8) ? DeliveryVerdict.Success
                    : reader.TextIs("DROP"u8) ? DeliveryVerdict.Drop
                    : null;
            }

            reader.Read();
            return verdict;
        }
        catch (JsonException)
        {
            return DeliveryVerdict.Success;
        }
    }

    private static bool IsStatus(ref Utf8JsonReader reader)
    {
        var name = reader.ValueSpan;
        return name.Length == 6 && System.Text.Ascii.EqualsIgnoreCase(name, "status"u8);
    }
}
