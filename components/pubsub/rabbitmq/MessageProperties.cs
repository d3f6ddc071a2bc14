using System.Globalization;
using System.Text;
using RabbitMQ.Client;

namespace DaprK8s.Components.PubSub.RabbitMq;

/// <summary>Between message metadata and AMQP properties, both ways.</summary>
internal static class MessageProperties
{
    /// <summary>What every message is called that does not name its type.</summary>
    public const string DefaultContentType = "text/plain";

    /// <summary>Puts publish metadata into properties.</summary>
    /// <param name="metadata">The metadata, names in any case.</param>
    /// <param name="properties">Where to.</param>
    /// <param name="routingKey">The routing key, if the metadata holds one.</param>
    /// <returns>What could not be understood and is left out, or <see langword="null"/>.</returns>
    public static string? Apply(IReadOnlyDictionary<string, string> metadata, BasicProperties properties, ref string routingKey)
    {
        if (metadata.Count == 0)
        {
            return null;
        }

        string? problem = null;
        foreach (var (name, value) in metadata)
        {
            if (value.Length == 0)
            {
                continue;
            }

            if (Is(name, "routingKey"))
            {
                routingKey = value;
            }
            else if (Is(name, "contentType"))
            {
                properties.ContentType = value;
            }
            else if (Is(name, "messageID"))
            {
                properties.MessageId = value;
            }
            else if (Is(name, "correlationID"))
            {
                properties.CorrelationId = value;
            }
            else if (Is(name, "type"))
            {
                properties.Type = value;
            }
            else if (Is(name, "priority"))
            {
                if (long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var priority))
                {
                    properties.Priority = (byte)Math.Clamp(priority, byte.MinValue, byte.MaxValue);
                }
                else
                {
                    problem = "priority value must be a valid integer";
                }
            }
        }

        try
        {
            if (MessageTtl.TryRead(metadata, out var ttl))
            {
                properties.Expiration = FormatExpiration(ttl);
            }
        }
        catch (FormatException)
        {
            problem = "ttl value must be a valid integer or duration above zero";
        }

        return problem;
    }

    /// <summary>AMQP counts in whole milliseconds, written as text.</summary>
    public static string FormatExpiration(TimeSpan ttl) => ((long)ttl.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);

    /// <summary>The metadata that a delivered message's properties and headers make.</summary>
    public static Dictionary<string, string> ToMetadata(IReadOnlyBasicProperties properties)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("metadata.messageid", properties.MessageId);
        Add("metadata.correlationid", properties.CorrelationId);
        Add("metadata.type", properties.Type);
        Add("metadata.contenttype", properties.ContentType);
        foreach (var (name, value) in properties.Headers ?? new Dictionary<string, object?>())
        {
            Add($"metadata.{name}", value switch
            {
                null => null,
                byte[] text => Encoding.UTF8.GetString(text),
                IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString(),
            });
        }

        return metadata;

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                metadata[name] = value;
            }
        }
    }

    private static bool Is(string name, string wanted) => name.Equals(wanted, StringComparison.OrdinalIgnoreCase);
}
