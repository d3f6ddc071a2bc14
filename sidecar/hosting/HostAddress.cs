using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>The address that peers dial: env <c>DAPR_HOST_IP</c>, else the one that the kernel would send from (contract: operations 1.4).</summary>
internal static class HostAddress
{
    /// <summary>Determines it; loopback when the machine has no network at all.</summary>
    public static IPAddress Determine(string? configured)
    {
        if (IPAddress.TryParse(configured, out var address))
        {
            return address;
        }

        return Preferred(AddressFamily.InterNetwork, "192.0.2.1") ?? Preferred(AddressFamily.InterNetworkV6, "2001:db8::1")
            ?? FromInterfaces() ?? IPAddress.Loopback;
    }

    // Connecting a datagram socket sends nothing; it only makes the kernel choose a source address.
    private static IPAddress? Preferred(AddressFamily family, string towards)
    {
        try
        {
            using var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(IPAddress.Parse(towards), 80);
            var source = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return IsServiceContinuity(source) ? null : source;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static bool IsServiceContinuity(IPAddress address)
        => address.GetAddressBytes() is [192, 0, 0, < 8];

    private static IPAddress? FromInterfaces()
        => NetworkInterface.GetAllNetworkInterfaces()
            .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address)
            .Where(a => !IPAddress.IsLoopback(a))
            .OrderBy(Rank)
            .FirstOrDefault();

    private static int Rank(IPAddress address)
        => (address.AddressFamily, IsPrivate(address)) switch
        {
            _ when address.IsIPv6LinkLocal => 4,
            (AddressFamily.InterNetwork, false) => 0,
            (AddressFamily.InterNetworkV6, false) => 1,
            (AddressFamily.InterNetwork, true) => 2,
            _ => 3,
        };

    private static bool IsPrivate(IPAddress address)
        => address.AddressFamily == AddressFamily.InterNetworkV6
            ? (address.GetAddressBytes()[0] & 0xfe) == 0xfc
            : address.GetAddressBytes() is [10, ..] or [172, >= 16 and < 32, ..] or [192, 168, ..] or [169, 254, ..];
}
