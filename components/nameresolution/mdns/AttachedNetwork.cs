using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>A network interface that is up, with what multicast needs to know of it.</summary>
/// <param name="Name">The interface's name.</param>
/// <param name="Index">Its index; the same for both address families.</param>
/// <param name="Addresses">Its unicast addresses with the length of their prefixes.</param>
internal sealed record AttachedNetwork(string Name, int Index, IReadOnlyList<(IPAddress Address, int PrefixLength)> Addresses)
{
    /// <summary>
    /// Whether the family's group can be used by the interface: it has an address of the family. Kernels route no IPv6
    /// multicast over loopback.
    /// </summary>
    public bool Speaks(AddressFamily family)
        => Addresses.Any(a => a.Address.AddressFamily == family && !a.Address.Equals(IPAddress.IPv6Loopback));

    /// <summary>Whether an address is this interface's own.</summary>
    public bool Owns(IPAddress address) => Addresses.Any(a => SameBytes(a.Address, address, 0));

    /// <summary>Whether an address lies in one of the networks that the interface is on.</summary>
    public bool Reaches(IPAddress address) => Addresses.Any(a => SameBytes(a.Address, address, a.PrefixLength));

    /// <summary>
    /// The interfaces that are up, can multicast and have an address, IPv4 first because a socket may join only so many
    /// groups. Loopback is always among them, so that sidecars of one machine find each other without any network.
    /// </summary>
    public static IReadOnlyList<AttachedNetwork> List()
    {
        List<AttachedNetwork> found = [];
        foreach (var candidate in Candidates())
        {
            TryAdd(candidate, found);
        }

        return [.. found.OrderByDescending(n => n.Speaks(AddressFamily.InterNetwork))];
    }

    private static NetworkInterface[] Candidates()
    {
        try
        {
            return Array.FindAll(
                NetworkInterface.GetAllNetworkInterfaces(),
                i => i.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
                    && (i.SupportsMulticast || i.NetworkInterfaceType == NetworkInterfaceType.Loopback));
        }
        catch (NetworkInformationException)
        {
            // A sandbox may forbid to look; the next look may be allowed.
            return [];
        }
    }

    private static void TryAdd(NetworkInterface candidate, List<AttachedNetwork> found)
    {
        try
        {
            var properties = candidate.GetIPProperties();
            var addresses = properties.UnicastAddresses.Select(a => (a.Address, a.PrefixLength)).ToArray();
            if (addresses.Length > 0)
            {
                var index = candidate.Supports(NetworkInterfaceComponent.IPv4)
                    ? properties.GetIPv4Properties().Index
                    : properties.GetIPv6Properties().Index;
                found.Add(new AttachedNetwork(candidate.Name, index, addresses));
            }
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException or FileNotFoundException)
        {
            // The interface went away while it was looked at.
        }
    }

    /// <summary>Whether two addresses of one family agree in their first bits; zero bits stand for all.</summary>
    private static bool SameBytes(IPAddress a, IPAddress b, int bits)
    {
        Span<byte> left = stackalloc byte[16];
        Span<byte> right = stackalloc byte[16];
        if (a.AddressFamily != b.AddressFamily || !a.TryWriteBytes(left, out var size) || !b.TryWriteBytes(right, out _))
        {
            return false;
        }

        bits = bits is 0 ? size * 8 : Math.Min(bits, size * 8);
        var whole = bits / 8;
        var rest = bits % 8;
        return left[..whole].SequenceEqual(right[..whole])
            && (rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0);
    }
}
