namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>Writes the questions that a resolver asks. The answers are always wanted by multicast: several processes of
/// one machine share the port, and only one of them would get what is sent to the machine alone.</summary>
internal static class MdnsQuery
{
    // Stays below the packet size of every network, less the headers of IPv6 and UDP.
    private const int MaxLength = 1232;

    /// <summary>Asks for the instances of one service, those apart that are known.</summary>
    /// <param name="link">Where to ask.</param>
    /// <param name="service">The service's name.</param>
    /// <param name="known">Instances that need not answer again.</param>
    /// <param name="alsoServiceTypes">Whether to ask also which services there are.</param>
    public static void Browse(IMdnsLink link, DnsName service, IReadOnlyList<DnsName> known, bool alsoServiceTypes = false)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        var query = new DnsMessageWriter(buffer, flags: 0);
        query.TryAddQuestion(service, DnsType.Ptr);
        if (alsoServiceTypes)
        {
            query.TryAddQuestion(DnsName.ServiceTypes, DnsType.Ptr);
        }

        // What does not fit is answered again, which does no harm.
        foreach (var instance in known)
        {
            query.TryAddPointer(DnsSection.Answer, service, MdnsAnnouncement.ServiceTtl, instance);
        }

        link.SendToGroup(query.Message);
    }

    /// <summary>Asks for the instances of several services, all of which shall answer.</summary>
    public static void Refresh(IMdnsLink link, IEnumerable<DnsName> services)
    {
        Span<byte> buffer = stackalloc byte[MaxLength];
        var query = new DnsMessageWriter(buffer, flags: 0);
        var asked = 0;
        foreach (var service in services)
        {
            if (!query.TryAddQuestion(service, DnsType.Ptr))
            {
                link.SendToGroup(query.Message);
                query = new DnsMessageWriter(buffer, flags: 0);
                query.TryAddQuestion(service, DnsType.Ptr);
            }

            asked++;
        }

        if (asked > 0)
        {
            link.SendToGroup(query.Message);
        }
    }
}
