using System.Net;
using System.Net.Sockets;

namespace DaprK8s.TestServers;

/// <summary>Free TCP ports of the loopback interface.</summary>
public static class Loopback
{
    // Below the kernel's range for outgoing connections: while a server is down, no client can be given its port (nor connect to itself).
    private const int Lowest = 15_000;
    private const int Highest = 32_000;

    /// <summary>A port that nobody listens on now.</summary>
    public static int FreePort()
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            var port = Random.Shared.Next(Lowest, Highest);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
            {
                continue;
            }
        }

        throw new InvalidOperationException($"no free port between {Lowest} and {Highest} on the loopback interface");
    }
}
