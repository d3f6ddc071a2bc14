namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>The record types that discovery uses (RFC 1035, 2782, 3596).</summary>
internal enum DnsType : ushort
{
    /// <summary>An IPv4 address.</summary>
    A = 1,

    /// <summary>A pointer to a name; in discovery, from a service to its instances.</summary>
    Ptr = 12,

    /// <summary>Texts about an instance.</summary>
    Txt = 16,

    /// <summary>An IPv6 address.</summary>
    Aaaa = 28,

    /// <summary>Host and port of an instance.</summary>
    Srv = 33,

    /// <summary>In a question: every type.</summary>
    Any = 255,
}

/// <summary>The sections of a message that hold records, in their order.</summary>
internal enum DnsSection
{
    /// <summary>Answers; in a query, those that the asker knows already.</summary>
    Answer,

    /// <summary>Authority; in a probe, the records that the sender wants to claim.</summary>
    Authority,

    /// <summary>Additional records, sent along unasked.</summary>
    Additional,
}

/// <summary>Bits and sizes of a DNS message and of multicast DNS (RFC 6762).</summary>
internal static class DnsFormat
{
    /// <summary>Id, flags and four counts.</summary>
    public const int HeaderLength = 12;

    /// <summary>The flag of a response.</summary>
    public const ushort Response = 0x8000;

    /// <summary>The flag of an answer by its owner.</summary>
    public const ushort Authoritative = 0x0400;

    /// <summary>The bits that tell the kind of query; zero for a standard one.</summary>
    public const ushort OpcodeMask = 0x7800;

    /// <summary>The class of the Internet.</summary>
    public const ushort Internet = 1;

    /// <summary>Set in the class of a record: forget what you knew under this name and type.</summary>
    public const ushort CacheFlush = 0x8000;

    /// <summary>Set in the class of a question: answer to me alone.</summary>
    public const ushort WantsUnicast = 0x8000;

    /// <summary>The longest message of multicast DNS, headers of the packet off.</summary>
    public const int MaxMessageLength = 9000;
}
