using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Unicode;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>Takes what a message tells of sidecars.</summary>
internal interface ISightingSink
{
    /// <summary>An instance says that it is there.</summary>
    /// <param name="appId">Its app id.</param>
    /// <param name="instance">Its name on the network, unique there but for containers of one host name.</param>
    /// <param name="address">Where it listens, <c>host:port</c>.</param>
    void OnPresent(string appId, DnsName instance, string address);

    /// <summary>An instance says that it is leaving.</summary>
    /// <param name="appId">Its app id.</param>
    /// <param name="instance">Its name on the network.</param>
    /// <param name="address">Where it listened, or <see langword="null"/> when it did not say.</param>
    void OnGone(string appId, DnsName instance, string? address);

    /// <summary>An app id exists somewhere.</summary>
    void OnAppId(string appId);
}

/// <summary>
/// Finds sidecars in a response: an instance counts when one message holds its SRV record, its TXT record, whose first text
/// is the app id that the instance's name ends with, and an address of its host (contract: messaging 6.3). Everything else
/// that is said on the group (printers, televisions) is passed over without an allocation.
/// </summary>
internal static class ServiceSightings
{
    // A sidecar's message has five records; more than this is somebody else's or hostile.
    private const int MaxRecords = 64;

    /// <summary>Reports every sidecar that the message tells of.</summary>
    public static void Read(ref DnsMessageReader reader, in DatagramOrigin origin, ISightingSink sink)
    {
        Span<DnsRecord> records = stackalloc DnsRecord[MaxRecords];
        var count = 0;
        for (var left = reader.RecordCount(); left > 0 && count < MaxRecords && reader.TryReadRecord(out var record); left--)
        {
            if (record.Type is DnsType.Srv or DnsType.Txt or DnsType.A or DnsType.Aaaa or DnsType.Ptr
                && (record.Class & ~DnsFormat.CacheFlush) == DnsFormat.Internet)
            {
                records[count++] = record;
            }
        }

        records = records[..count];
        foreach (ref readonly var record in records)
        {
            if (record.Type == DnsType.Srv)
            {
                ReadInstance(reader, record, records, origin, sink);
            }
            else if (record.Type == DnsType.Ptr && record.Ttl > 0)
            {
                ReadServiceType(reader, record, sink);
            }
        }
    }

    private static void ReadInstance(
        in DnsMessageReader reader, in DnsRecord service, ReadOnlySpan<DnsRecord> records, in DatagramOrigin origin, ISightingSink sink)
    {
        Span<byte> instance = stackalloc byte[DnsName.MaxLength];
        Span<byte> host = stackalloc byte[DnsName.MaxLength];
        Span<byte> serviceName = stackalloc byte[DnsName.MaxLength];
        if (!reader.TryExpandName(service.NameOffset, instance, out var instanceLength)
            || !reader.TryReadService(service, out var port, host, out var hostLength)
            || port == 0
            || !TryFindText(reader, records, instance[..instanceLength], out var text)
            || !DnsName.TryJoin(text, DnsName.Local, serviceName, out var serviceLength)
            || serviceLength == instanceLength
            || !DnsName.IsAtOrBelow(instance[..instanceLength], serviceName[..serviceLength])
            || !TryGetText(text, out var appId))
        {
            return;
        }

        var name = DnsName.FromExpanded(instance[..instanceLength]);
        var address = FindAddress(reader, records, host[..hostLength], origin);
        var endpoint = address is null ? null : new IPEndPoint(address, port).ToString();
        if (service.Ttl == 0)
        {
            sink.OnGone(appId, name, endpoint);
        }
        else if (endpoint is not null)
        {
            sink.OnPresent(appId, name, endpoint);
        }
    }

    private static bool TryFindText(
        in DnsMessageReader reader, ReadOnlySpan<DnsRecord> records, ReadOnlySpan<byte> instance, out ReadOnlySpan<byte> text)
    {
        foreach (ref readonly var record in records)
        {
            if (record.Type == DnsType.Txt && IsNamed(reader, record, instance))
            {
                return reader.TryReadFirstText(record, out text);
            }
        }

        text = default;
        return false;
    }

    /// <summary>The host's first IPv4 address, else its first IPv6 address, that can be meant for this machine.</summary>
    private static IPAddress? FindAddress(
        in DnsMessageReader reader, ReadOnlySpan<DnsRecord> records, ReadOnlySpan<byte> host, in DatagramOrigin origin)
    {
        IPAddress? v6 = null;
        foreach (ref readonly var record in records)
        {
            if (record.Type is not (DnsType.A or DnsType.Aaaa)
                || record.DataLength != (record.Type == DnsType.A ? 4 : 16)
                || !IsNamed(reader, record, host))
            {
                continue;
            }

            var address = new IPAddress(reader.Data(record));
            if (!CanBeDialled(address, origin))
            {
                continue;
            }

            if (address.AddressFamily == AddressFamily.InterNetwork)
            {
                return address;
            }

            v6 ??= address.IsIPv6LinkLocal ? new IPAddress(reader.Data(record), origin.InterfaceIndex) : address;
        }

        return v6;
    }

    /// <summary>A loopback address is the sender's own: it leads to the right process only on the sender's machine.</summary>
    private static bool CanBeDialled(IPAddress address, in DatagramOrigin origin)
        => (address.AddressFamily == AddressFamily.InterNetwork
                ? address.GetAddressBytes()[0] is > 0 and < 224
                : !address.IsIPv6Multicast && !address.Equals(IPAddress.IPv6Any))
            && (origin.FromThisHost || !IPAddress.IsLoopback(address));

    private static bool IsNamed(in DnsMessageReader reader, in DnsRecord record, ReadOnlySpan<byte> name)
    {
        Span<byte> expanded = stackalloc byte[DnsName.MaxLength];
        return reader.TryExpandName(record.NameOffset, expanded, out var length) && expanded[..length].SequenceEqual(name);
    }

    /// <summary>An answer to the question which services there are; those that start with an underscore are not sidecars.</summary>
    private static void ReadServiceType(in DnsMessageReader reader, in DnsRecord record, ISightingSink sink)
    {
        Span<byte> target = stackalloc byte[DnsName.MaxLength];
        if (!IsNamed(reader, record, DnsName.ServiceTypes.Wire)
            || !reader.TryReadPointer(record, target, out var length)
            || length <= DnsName.Local.Wire.Length
            || target[1] == (byte)'_'
            || !DnsName.IsAtOrBelow(target[..length], DnsName.Local.Wire))
        {
            return;
        }

        // Length bytes become the dots between the labels.
        var labels = target[..(length - DnsName.Local.Wire.Length)];
        for (int at = labels[0] + 1, next; at < labels.Length; at = next)
        {
            next = at + labels[at] + 1;
            labels[at] = (byte)'.';
        }

        if (TryGetText(labels[1..], out var appId))
        {
            sink.OnAppId(appId);
        }
    }

    /// <summary>Text without control characters, which is fit to stand in an error message.</summary>
    private static bool TryGetText(ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        if (bytes.IsEmpty || bytes.ContainsAnyInRange((byte)0, (byte)0x20) || bytes.Contains((byte)0x7f) || !Utf8.IsValid(bytes))
        {
            return false;
        }

        text = Encoding.UTF8.GetString(bytes);
        return true;
    }
}
