using System.Net;
using System.Text;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// Everything that a sidecar says of itself, encoded once: the records never change while it runs
/// (contract: messaging 6.3, Registration).
/// </summary>
internal sealed class MdnsAnnouncement
{
    /// <summary>How long others may keep the records of the service, in seconds.</summary>
    public const uint ServiceTtl = 3200;

    /// <summary>How long others may keep the address of the host, in seconds.</summary>
    public const uint HostTtl = 120;

    // A label's 63 bytes, less a colon and the longest process id of Linux.
    private const int MaxHostNameInInstance = DnsName.MaxLabelLength - 8;

    private readonly DnsName host;
    private readonly ushort port;
    private readonly IPAddress address;
    private readonly byte[] text;

    private MdnsAnnouncement(DnsName service, DnsName instance, DnsName host, Announcement self)
    {
        Service = service;
        Instance = instance;
        this.host = host;
        port = (ushort)self.InternalPort;
        address = self.HostAddress.IsIPv4MappedToIPv6 ? self.HostAddress.MapToIPv4() : self.HostAddress;
        text = Encoding.UTF8.GetBytes(self.AppId);
        BrowseAnswer = EncodeBrowseAnswer();
        LookupAnswer = EncodeAll(ServiceTtl, HostTtl, flushAddress: false);
        Unsolicited = EncodeAll(ServiceTtl, HostTtl, flushAddress: true);
        Goodbye = EncodeAll(0, 0, flushAddress: true);
        ServiceTypeAnswer = EncodeServiceTypeAnswer();
        Probe = EncodeProbe();
    }

    /// <summary><c>&lt;app id&gt;.local.</c></summary>
    public DnsName Service { get; }

    /// <summary><c>&lt;host name&gt;:&lt;pid&gt;.&lt;app id&gt;.local.</c></summary>
    public DnsName Instance { get; }

    /// <summary>The answer to a question for the service's instances.</summary>
    public byte[] BrowseAnswer { get; }

    /// <summary>The answer to a question for the instance itself.</summary>
    public byte[] LookupAnswer { get; }

    /// <summary>What is said at the start without having been asked.</summary>
    public byte[] Unsolicited { get; }

    /// <summary>What is said at the end.</summary>
    public byte[] Goodbye { get; }

    /// <summary>The answer to the question which services there are.</summary>
    public byte[] ServiceTypeAnswer { get; }

    /// <summary>The question whether anybody has the instance's name.</summary>
    public byte[] Probe { get; }

    /// <summary>Encodes the messages.</summary>
    /// <returns><see langword="null"/> when the app id cannot be a domain name, and so cannot be found by this way.</returns>
    public static MdnsAnnouncement? TryCreate(Announcement self, string hostName, int processId)
    {
        if (!DnsName.TryJoin(self.AppId, DnsName.Local, out var service))
        {
            return null;
        }

        // The name of the machine is not the app's to choose: one that fits nowhere is cut, its dots cut labels.
        hostName = hostName.Trim('.');
        if (hostName.Length > MaxHostNameInInstance || !DnsName.TryJoin($"{hostName}:{processId}", service, out var instance))
        {
            var cut = Encoding.UTF8.GetBytes(hostName).AsSpan();
            byte[] label = [.. cut[..Math.Min(cut.Length, MaxHostNameInInstance)], .. Encoding.UTF8.GetBytes($":{processId}")];
            if (!DnsName.TryPrepend(label, service, out instance))
            {
                return null;
            }
        }

        if (!DnsName.TryJoin(hostName, DnsName.Local, out var host))
        {
            DnsName.TryJoin("localhost", DnsName.Local, out host);
        }

        return new MdnsAnnouncement(service, instance, host!, self);
    }

    private static byte[] Encode(ushort flags, Writing write)
    {
        // Six records, each with two names, a text and a header, stay below this even uncompressed.
        Span<byte> buffer = stackalloc byte[4096];
        var writer = new DnsMessageWriter(buffer, flags);
        if (!write(ref writer))
        {
            throw new InvalidOperationException("an announcement does not fit its buffer");
        }

        return writer.Message.ToArray();
    }

    private byte[] EncodeBrowseAnswer()
        => Encode(DnsFormat.Response | DnsFormat.Authoritative, (ref DnsMessageWriter w)
            => w.TryAddPointer(DnsSection.Answer, Service, ServiceTtl, Instance)
                && w.TryAddService(DnsSection.Additional, Instance, ServiceTtl, port, host)
                && w.TryAddText(DnsSection.Additional, Instance, ServiceTtl, text)
                && w.TryAddAddress(DnsSection.Additional, host, HostTtl, address));

    private byte[] EncodeAll(uint serviceTtl, uint hostTtl, bool flushAddress)
        => Encode(DnsFormat.Response | DnsFormat.Authoritative, (ref DnsMessageWriter w)
            => w.TryAddService(DnsSection.Answer, Instance, serviceTtl, port, host, DnsFormat.Internet | DnsFormat.CacheFlush)
                && w.TryAddText(DnsSection.Answer, Instance, serviceTtl, text, DnsFormat.Internet | DnsFormat.CacheFlush)
                && w.TryAddPointer(DnsSection.Answer, Service, serviceTtl, Instance)
                && w.TryAddPointer(DnsSection.Answer, DnsName.ServiceTypes, serviceTtl, Service)
                && w.TryAddAddress(
                    DnsSection.Answer, host, hostTtl, address, (ushort)(DnsFormat.Internet | (flushAddress ? DnsFormat.CacheFlush : 0))));

    private byte[] EncodeServiceTypeAnswer()
        => Encode(DnsFormat.Response | DnsFormat.Authoritative, (ref DnsMessageWriter w)
            => w.TryAddPointer(DnsSection.Answer, DnsName.ServiceTypes, ServiceTtl, Service));

    private byte[] EncodeProbe()
        => Encode(0, (ref DnsMessageWriter w)
            => w.TryAddQuestion(Instance, DnsType.Ptr)
                && w.TryAddService(DnsSection.Authority, Instance, ServiceTtl, port, host)
                && w.TryAddText(DnsSection.Authority, Instance, ServiceTtl, text));

    private delegate bool Writing(ref DnsMessageWriter writer);
}
