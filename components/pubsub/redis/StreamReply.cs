using RESPite.Messages;
using StackExchange.Redis;

namespace DaprK8s.Components.PubSub.Redis;

/// <summary>Reads stream entries straight from the bytes of a reply, without a tree of objects in between.</summary>
internal static class StreamReply
{
    /// <summary>The entries of an <c>XREADGROUP</c> reply for one stream.</summary>
    public static List<StreamMessage> ReadGroup(RespResult reply, string topic, Action<string> onBadMetadata)
    {
        List<StreamMessage> messages = [];
        if (reply.IsNull)
        {
            return messages;
        }

        foreach (var stream in reply.Read().AggregateChildren())
        {
            var pair = stream;
            pair.MoveNext();
            pair.MoveNext();
            ReadEntries(ref pair, topic, messages, onBadMetadata);
        }

        return messages;
    }

    /// <summary>The entries of an <c>XCLAIM</c> reply.</summary>
    public static List<StreamMessage> ReadClaimed(RespResult reply, string topic, Action<string> onBadMetadata)
    {
        List<StreamMessage> messages = [];
        if (!reply.IsNull)
        {
            var entries = reply.Read();
            ReadEntries(ref entries, topic, messages, onBadMetadata);
        }

        return messages;
    }

    private static void ReadEntries(ref RespReader entries, string topic, List<StreamMessage> messages, Action<string> onBadMetadata)
    {
        foreach (var child in entries.AggregateChildren())
        {
            // Servers before 7 return nothing in place of an entry that was deleted.
            var entry = child;
            if (entry.IsNull)
            {
                continue;
            }

            entry.MoveNext();
            var id = entry.ReadString()!;
            entry.MoveNext();
            if (!entry.IsNull)
            {
                messages.Add(new StreamMessage(id, ReadContent(ref entry, id, topic, onBadMetadata)));
            }
        }
    }

    private static BrokerMessage ReadContent(ref RespReader fields, string id, string topic, Action<string> onBadMetadata)
    {
        byte[] data = [];
        var metadata = EmptyMetadata.Instance;
        var isName = true;
        var field = Field.Other;
        foreach (var part in fields.AggregateChildren())
        {
            if (isName)
            {
                field = part.Is("data"u8) ? Field.Data : part.Is("metadata"u8) ? Field.Metadata : Field.Other;
            }
            else if (field == Field.Data)
            {
                data = part.ReadByteArray() ?? [];
            }
            else if (field == Field.Metadata && part.ReadByteArray() is { } json)
            {
                var read = StreamMetadata.TryRead(json);
                if (read is null)
                {
                    onBadMetadata(id);
                }

                metadata = read ?? metadata;
            }

            isName = !isName;
        }

        return new BrokerMessage(topic, data) { Metadata = metadata };
    }

    private enum Field
    {
        Other,
        Data,
        Metadata,
    }
}
