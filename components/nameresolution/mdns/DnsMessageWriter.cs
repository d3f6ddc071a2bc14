using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// Writes a DNS message into a buffer of the caller's, with name compression. What does not fit is left out whole, and the
/// call says <see langword="false"/>. Questions come first, then the sections in their order.
/// </summary>
internal ref struct DnsMessageWriter
{
    // A pointer has 14 bits.
    private const int MaxPointer = 0x3fff;

    private readonly Span<byte> buffer;
    private LabelOffsets labels;
    private int labelCount;
    private int length;
    private int dataStart;

    /// <summary>Writes a header with empty sections.</summary>
    /// <param name="buffer">Where the message goes; at least a header long.</param>
    /// <param name="flags">The flags, of <see cref="DnsFormat"/>.</param>
    /// <param name="id">The number; zero in everything that is multicast.</param>
    public DnsMessageWriter(Span<byte> buffer, ushort flags, ushort id = 0)
    {
        this.buffer = buffer;
        length = DnsFormat.HeaderLength;
        buffer[..length].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(buffer, id);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[2..], flags);
    }

    /// <summary>The message so far.</summary>
    public readonly ReadOnlySpan<byte> Message => buffer[..length];

    /// <summary>Adds a question.</summary>
    public bool TryAddQuestion(DnsName name, DnsType type, ushort @class = DnsFormat.Internet)
    {
        var (start, startLabels) = (length, labelCount);
        if (!TryWriteName(name) || !TryWriteUInt16((ushort)type) || !TryWriteUInt16(@class))
        {
            return Undo(start, startLabels);
        }

        Bump(4);
        return true;
    }

    /// <summary>Adds a record that points to a name.</summary>
    public bool TryAddPointer(DnsSection section, DnsName name, uint ttl, DnsName target, ushort @class = DnsFormat.Internet)
    {
        var (start, startLabels) = (length, labelCount);
        return (TryBeginRecord(name, DnsType.Ptr, @class, ttl) && TryWriteName(target) && EndRecord(section))
            || Undo(start, startLabels);
    }

    /// <summary>Adds an SRV record of priority and weight zero.</summary>
    public bool TryAddService(DnsSection section, DnsName name, uint ttl, ushort port, DnsName host, ushort @class = DnsFormat.Internet)
    {
        var (start, startLabels) = (length, labelCount);
        return (TryBeginRecord(name, DnsType.Srv, @class, ttl) && TryWriteUInt16(0) && TryWriteUInt16(0) && TryWriteUInt16(port)
                && TryWriteName(host) && EndRecord(section))
            || Undo(start, startLabels);
    }

    /// <summary>Adds a TXT record of one text.</summary>
    public bool TryAddText(DnsSection section, DnsName name, uint ttl, ReadOnlySpan<byte> text, ushort @class = DnsFormat.Internet)
    {
        var (start, startLabels) = (length, labelCount);
        return (text.Length <= byte.MaxValue && TryBeginRecord(name, DnsType.Txt, @class, ttl) && TryWrite([(byte)text.Length])
                && TryWrite(text) && EndRecord(section))
            || Undo(start, startLabels);
    }

    /// <summary>Adds an A or an AAAA record.</summary>
    public bool TryAddAddress(DnsSection section, DnsName name, uint ttl, IPAddress address, ushort @class = DnsFormat.Internet)
    {
        var (start, startLabels) = (length, labelCount);
        var type = address.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa;
        return (TryBeginRecord(name, type, @class, ttl) && TryWrite(address.GetAddressBytes()) && EndRecord(section))
            || Undo(start, startLabels);
    }

    private bool TryBeginRecord(DnsName name, DnsType type, ushort @class, uint ttl)
    {
        var begun = TryWriteName(name) && TryWriteUInt16((ushort)type) && TryWriteUInt16(@class)
            && TryWriteUInt16((ushort)(ttl >> 16)) && TryWriteUInt16((ushort)ttl) && TryWriteUInt16(0);
        dataStart = length;
        return begun;
    }

    private readonly bool EndRecord(DnsSection section)
    {
        BinaryPrimitives.WriteUInt16BigEndian(buffer[(dataStart - 2)..], (ushort)(length - dataStart));
        Bump(6 + (2 * (int)section));
        return true;
    }

    private readonly void Bump(int countOffset)
    {
        var count = buffer[countOffset..];
        BinaryPrimitives.WriteUInt16BigEndian(count, (ushort)(BinaryPrimitives.ReadUInt16BigEndian(count) + 1));
    }

    private bool Undo(int start, int startLabels)
    {
        length = start;
        labelCount = startLabels;
        return false;
    }

    private bool TryWriteName(DnsName name)
    {
        var rest = name.Wire;
        while (rest[0] != 0)
        {
            if (FindWritten(rest) is > 0 and var target)
            {
                return TryWriteUInt16((ushort)(0xc000 | target));
            }

            if (labelCount < LabelOffsets.Capacity && length <= MaxPointer)
            {
                labels[labelCount++] = (ushort)length;
            }

            if (!TryWrite(rest[..(rest[0] + 1)]))
            {
                return false;
            }

            rest = rest[(rest[0] + 1)..];
        }

        return TryWrite([0]);
    }

    /// <summary>Where the same labels, up to the root, stand already; zero when nowhere.</summary>
    private readonly int FindWritten(ReadOnlySpan<byte> suffix)
    {
        for (var i = 0; i < labelCount; i++)
        {
            if (IsWrittenAt(labels[i], suffix))
            {
                return labels[i];
            }
        }

        return 0;
    }

    private readonly bool IsWrittenAt(int at, ReadOnlySpan<byte> suffix)
    {
        while (at < length)
        {
            var head = buffer[at];
            if (head >= 0xc0)
            {
                at = BinaryPrimitives.ReadUInt16BigEndian(buffer[at..]) & MaxPointer;
                continue;
            }

            var label = buffer.Slice(at, head + 1);
            if (!suffix.StartsWith(label))
            {
                return false;
            }

            if (head == 0)
            {
                return true;
            }

            suffix = suffix[label.Length..];
            at += label.Length;
        }

        // The end of what is written: a name that is being written does not point into itself.
        return false;
    }

    private bool TryWriteUInt16(ushort value) => TryWrite([(byte)(value >> 8), (byte)value]);

    private bool TryWrite(scoped ReadOnlySpan<byte> bytes)
    {
        if (!bytes.TryCopyTo(buffer[length..]))
        {
            return false;
        }

        length += bytes.Length;
        return true;
    }

    [InlineArray(Capacity)]
    private struct LabelOffsets
    {
        public const int Capacity = 48;

        private ushort first;
    }
}
