using DaprK8s.Common.Wire;
namespace DaprK8s.Sidecar.Wire;

/// <summary>The leading message of an internal invocation (contract: messaging 5.9), its metadata as a flat list.</summary>
internal sealed class InternalRequestHead
{
    public string Method { get; set; } = "";
    public string Verb { get; set; } = "";
    public string Query { get; set; } = "";
    public string ContentType { get; set; } = "";
    public string DataTypeUrl { get; set; } = "";
    public HeaderList Metadata { get; init; } = [];

    /// <summary>The body of a unary call.</summary>
    public ReadOnlyMemory<byte> Data { get; set; }
    public bool HasHttpExtension { get; set; }
}

/// <summary>The leading message of an internal answer.</summary>
internal sealed class InternalResponseHead
{
    /// <summary>An HTTP status from 100 up, a gRPC code below.</summary>
    public int Code { get; set; }
    public bool HasStatus { get; set; }
    public string Message { get; set; } = "";

    /// <summary>Serialised <c>google.protobuf.Any</c> details of a gRPC app's status.</summary>
    public List<byte[]> Details { get; } = [];
    public HeaderList Headers { get; } = [];
    public HeaderList Trailers { get; } = [];
    public string ContentType { get; set; } = "";
    public string DataTypeUrl { get; set; } = "";

    /// <summary>The body of a unary answer.</summary>
    public ReadOnlyMemory<byte> Data { get; set; }
}

/// <summary>
/// Writes and reads <c>dapr.proto.internals.v1</c> invocation messages by hand; the field numbers are those of
/// <c>protos/dapr/proto/internals/v1/service_invocation.proto</c>, and a test holds both to each other.
/// </summary>
internal static class InternalMessages
{
    private static readonly string[] Verbs = ["NONE", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

    /// <summary>The verb's number in <c>HTTPExtension.Verb</c>; unknown verbs are sent as POST (contract: api 1.8).</summary>
    public static int VerbNumber(string verb)
        => Array.FindIndex(Verbs, v => v.Equals(verb, StringComparison.OrdinalIgnoreCase)) is var i && i >= 0 ? i : 3;

    public static string VerbName(int number) => (uint)number < (uint)Verbs.Length ? Verbs[number] : "";

    /// <summary>Writes an <c>InternalInvokeRequest</c>'s fields (without its own tag).</summary>
    public static void WriteRequest(WireBuffer wire, InternalRequestHead head)
    {
        wire.Number(1, 1);
        WriteMap(wire, 2, head.Metadata);
        var message = wire.BeginMessage(3);
        wire.Text(1, head.Method);
        if (head.Data.Length > 0 || head.DataTypeUrl.Length > 0)
        {
            var any = wire.BeginMessage(2);
            wire.Text(1, head.DataTypeUrl);
            wire.Bytes(2, head.Data.Span);
            wire.EndMessage(any);
        }

        wire.Text(3, head.ContentType);
        if (head.HasHttpExtension)
        {
            var extension = wire.BeginMessage(4);
            wire.Number(1, (ulong)VerbNumber(head.Verb));
            wire.Text(2, head.Query);
            wire.EndMessage(extension);
        }

        wire.EndMessage(message);
    }

    public static InternalRequestHead ReadRequest(ReadOnlySpan<byte> bytes)
    {
        var head = new InternalRequestHead();
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    ReadMapEntry(reader.Bytes(), head.Metadata);
                    break;
                case 3:
                    ReadInvokeRequest(reader.Bytes(), head);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return head;
    }

    /// <summary>Writes an <c>InternalInvokeResponse</c>'s fields.</summary>
    public static void WriteResponse(WireBuffer wire, InternalResponseHead head)
    {
        var status = wire.BeginMessage(1);
        wire.Number(1, (ulong)head.Code);
        wire.Text(2, head.Message);
        foreach (var detail in head.Details)
        {
            wire.Bytes(3, detail);
        }

        wire.EndMessage(status);
        WriteMap(wire, 2, head.Headers);
        WriteMap(wire, 3, head.Trailers);
        var message = wire.BeginMessage(4);
        if (head.Data.Length > 0 || head.DataTypeUrl.Length > 0)
        {
            var any = wire.BeginMessage(1);
            wire.Text(1, head.DataTypeUrl);
            wire.Bytes(2, head.Data.Span);
            wire.EndMessage(any);
        }

        wire.Text(2, head.ContentType);
        wire.EndMessage(message);
    }

    public static InternalResponseHead ReadResponse(ReadOnlySpan<byte> bytes)
    {
        var head = new InternalResponseHead();
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    ReadStatus(reader.Bytes(), head);
                    break;
                case 2:
                    ReadMapEntry(reader.Bytes(), head.Headers);
                    break;
                case 3:
                    ReadMapEntry(reader.Bytes(), head.Trailers);
                    break;
                case 4:
                    ReadInvokeResponse(reader.Bytes(), head);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return head;
    }

    private static void WriteMap(WireBuffer wire, int field, HeaderList entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            var name = entries[i].Key;
            if (IsRepeat(entries, i))
            {
                continue;
            }

            var entry = wire.BeginMessage(field);
            wire.Text(1, name);
            var list = wire.BeginMessage(2);
            for (var j = i; j < entries.Count; j++)
            {
                if (entries[j].Key == name)
                {
                    // An empty value is a value: it must be written, unlike an empty scalar.
                    var value = wire.BeginMessage(1);
                    wire.Raw(System.Text.Encoding.UTF8.GetBytes(entries[j].Value));
                    wire.EndMessage(value);
                }
            }

            wire.EndMessage(list);
            wire.EndMessage(entry);
        }
    }

    private static bool IsRepeat(HeaderList entries, int index)
    {
        for (var i = 0; i < index; i++)
        {
            if (entries[i].Key == entries[index].Key)
            {
                return true;
            }
        }

        return false;
    }

    private static void ReadMapEntry(ReadOnlySpan<byte> bytes, HeaderList entries)
    {
        var name = "";
        var list = ReadOnlySpan<byte>.Empty;
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.Text();
                    break;
                case 2:
                    list = reader.Bytes();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        var values = new WireReader(list);
        while (values.Next())
        {
            if (values.Field == 1)
            {
                entries.Add(name, values.Text());
            }
            else
            {
                values.Skip();
            }
        }
    }

    private static void ReadInvokeRequest(ReadOnlySpan<byte> bytes, InternalRequestHead head)
    {
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    head.Method = reader.Text();
                    break;
                case 2:
                    var (typeUrl, data) = ReadAny(reader.Bytes());
                    (head.DataTypeUrl, head.Data) = (typeUrl, data);
                    break;
                case 3:
                    head.ContentType = reader.Text();
                    break;
                case 4:
                    ReadExtension(reader.Bytes(), head);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadExtension(ReadOnlySpan<byte> bytes, InternalRequestHead head)
    {
        head.HasHttpExtension = true;
        head.Verb = "NONE";
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    head.Verb = VerbName((int)Math.Min(reader.Number(), 100));
                    break;
                case 2:
                    head.Query = reader.Text();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadStatus(ReadOnlySpan<byte> bytes, InternalResponseHead head)
    {
        head.HasStatus = true;
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    head.Code = (int)reader.Number();
                    break;
                case 2:
                    head.Message = reader.Text();
                    break;
                case 3:
                    head.Details.Add(reader.Bytes().ToArray());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadInvokeResponse(ReadOnlySpan<byte> bytes, InternalResponseHead head)
    {
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    var (typeUrl, data) = ReadAny(reader.Bytes());
                    (head.DataTypeUrl, head.Data) = (typeUrl, data);
                    break;
                case 2:
                    head.ContentType = reader.Text();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static (string TypeUrl, byte[] Data) ReadAny(ReadOnlySpan<byte> bytes)
    {
        var typeUrl = "";
        byte[] data = [];
        var reader = new WireReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    typeUrl = reader.Text();
                    break;
                case 2:
                    data = reader.Bytes().ToArray();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (typeUrl, data);
    }
}
