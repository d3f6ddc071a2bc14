using System.Buffers.Binary;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>A question; its name is expanded on demand.</summary>
internal readonly record struct DnsQuestion(int NameOffset, DnsType Type, ushort Class);

/// <summary>A record; its name and data are read on demand.</summary>
internal readonly record struct DnsRecord(int NameOffset, DnsType Type, ushort Class, uint Ttl, int DataOffset, int DataLength);

/// <summary>
/// Walks over a received DNS message in place. Nothing is allocated and nothing is thrown, whatever the bytes are: a step
/// that meets bytes that are no DNS says <see langword="false"/>, and there the message ends. Compressed names end because
/// a pointer has to lead in front of the labels that it was met behind.
/// </summary>
/// <remarks>
/// Own code because neither DNS library of the feed fits: <c>DnsClient</c> is a resolver whose message reader and writer
/// are closed, <c>ARSoft.Tools.Net</c> reads multicast messages into object graphs, cannot write them through its public
/// surface and makes no promise about ahead-of-time compilation.
/// </remarks>
internal ref struct DnsMessageReader
{
    private readonly ReadOnlySpan<byte> message;
    private int position;
    private int questionsLeft;

    private DnsMessageReader(ReadOnlySpan<byte> message)
    {
        this.message = message;
        position = DnsFormat.HeaderLength;
        questionsLeft = Count(0);
    }

    /// <summary>The message's number.</summary>
    public readonly ushort Id => BinaryPrimitives.ReadUInt16BigEndian(message);

    /// <summary>The flags as they are.</summary>
    public readonly ushort Flags => BinaryPrimitives.ReadUInt16BigEndian(message[2..]);

    /// <summary>Whether it is a response, not a query.</summary>
    public readonly bool IsResponse => (Flags & DnsFormat.Response) != 0;

    /// <summary>Whether it is a standard query or a response to one.</summary>
    public readonly bool IsStandard => (Flags & DnsFormat.OpcodeMask) == 0;

    /// <summary>How many questions the message claims to hold.</summary>
    public readonly int QuestionCount => Count(0);

    /// <summary>Starts at the first question.</summary>
    /// <returns><see langword="false"/> when there is not even a header.</returns>
    public static bool TryOpen(ReadOnlySpan<byte> message, out DnsMessageReader reader)
    {
        reader = message.Length >= DnsFormat.HeaderLength ? new DnsMessageReader(message) : default;
        return message.Length >= DnsFormat.HeaderLength;
    }

    /// <summary>How many records the message claims to hold in a section.</summary>
    public readonly int RecordCount(DnsSection section) => Count((int)section + 1);

    /// <summary>How many records the message claims to hold in all.</summary>
    public readonly int RecordCount() => Count(1) + Count(2) + Count(3);

    /// <summary>Takes the next question.</summary>
    public bool TryReadQuestion(out DnsQuestion question)
    {
        question = default;
        var nameOffset = position;
        if (questionsLeft == 0 || !TrySkipName(ref position) || message.Length - position < 4)
        {
            return false;
        }

        question = new DnsQuestion(nameOffset, (DnsType)UInt16(position), UInt16(position + 2));
        position += 4;
        questionsLeft--;
        return true;
    }

    /// <summary>
    /// Takes the next record, passing over questions not taken. Sections follow one another; <see cref="RecordCount()"/>
    /// says how many records there should be.
    /// </summary>
    public bool TryReadRecord(out DnsRecord record)
    {
        record = default;
        while (questionsLeft > 0)
        {
            if (!TryReadQuestion(out _))
            {
                return false;
            }
        }

        var nameOffset = position;
        if (!TrySkipName(ref position) || message.Length - position < 10)
        {
            return false;
        }

        var dataLength = UInt16(position + 8);
        if (message.Length - position - 10 < dataLength)
        {
            return false;
        }

        record = new DnsRecord(
            nameOffset,
            (DnsType)UInt16(position),
            UInt16(position + 2),
            BinaryPrimitives.ReadUInt32BigEndian(message[(position + 4)..]),
            position + 10,
            dataLength);
        position += 10 + dataLength;
        return true;
    }

    /// <summary>The bytes of a record's data.</summary>
    public readonly ReadOnlySpan<byte> Data(in DnsRecord record) => message.Slice(record.DataOffset, record.DataLength);

    /// <summary>The name that a PTR record points to.</summary>
    public readonly bool TryReadPointer(in DnsRecord record, Span<byte> target, out int length)
        => TryReadNameInData(record, 0, target, out length);

    /// <summary>The port and the host of an SRV record.</summary>
    public readonly bool TryReadService(in DnsRecord record, out ushort port, Span<byte> host, out int length)
    {
        port = 0;
        length = 0;
        if (record.DataLength < 7)
        {
            return false;
        }

        port = UInt16(record.DataOffset + 4);
        return TryReadNameInData(record, 6, host, out length);
    }

    /// <summary>The first text of a TXT record.</summary>
    public readonly bool TryReadFirstText(in DnsRecord record, out ReadOnlySpan<byte> text)
    {
        var data = Data(record);
        var fits = data.Length > 0 && data[0] < data.Length;
        text = fits ? data.Slice(1, data[0]) : default;
        return fits;
    }

    /// <summary>Expands the name at an offset to its wire form.</summary>
    /// <param name="offset">Where it begins, as a question or a record told.</param>
    /// <param name="destination">Room for <see cref="DnsName.MaxLength"/> bytes.</param>
    /// <param name="length">The length, closing zero included.</param>
    public readonly bool TryExpandName(int offset, Span<byte> destination, out int length)
        => TryExpandName(offset, destination, out length, out _);

    private readonly bool TryReadNameInData(in DnsRecord record, int skip, Span<byte> destination, out int length)
        => TryExpandName(record.DataOffset + skip, destination, out length, out var end) && end == record.DataOffset + record.DataLength;

    private readonly bool TryExpandName(int offset, Span<byte> destination, out int length, out int end)
    {
        length = 0;
        end = -1;
        var runStart = offset;
        while (offset < message.Length)
        {
            var head = message[offset];
            if (head == 0)
            {
                destination[length++] = 0;
                end = end < 0 ? offset + 1 : end;
                return true;
            }

            if (head >= 0xc0)
            {
                if (offset + 1 >= message.Length)
                {
                    return false;
                }

                end = end < 0 ? offset + 2 : end;
                var target = UInt16(offset) & 0x3fff;
                if (target >= runStart)
                {
                    return false;
                }

                runStart = offset = target;
                continue;
            }

            // A byte has to be left for the closing zero.
            if (head > DnsName.MaxLabelLength || offset + 1 + head > message.Length || length + 2 + head > DnsName.MaxLength)
            {
                return false;
            }

            message.Slice(offset, head + 1).CopyTo(destination[length..]);
            length += head + 1;
            offset += head + 1;
        }

        return false;
    }

    private readonly bool TrySkipName(ref int at)
    {
        while (at < message.Length)
        {
            var head = message[at];
            if (head == 0)
            {
                at++;
                return true;
            }

            if (head >= 0xc0)
            {
                at += 2;
                return at <= message.Length;
            }

            if (head > DnsName.MaxLabelLength)
            {
                return false;
            }

            at += head + 1;
        }

        return false;
    }

    private readonly int Count(int index) => UInt16(4 + (2 * index));

    private readonly ushort UInt16(int at) => BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
}
