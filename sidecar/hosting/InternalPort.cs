using DaprK8s.Common.Hosting;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace DaprK8s.Sidecar.Hosting;

/// <summary>
/// The internal gRPC port of a sidecar that was given none: the same after each start of the same app in the same place, so
/// that peers that still know it find it again (contract: operations 1.11).
/// </summary>
internal static class InternalPort
{
    private const int First = 47300;

    /// <summary>Binds the derived port, or any free one when it is taken.</summary>
    public static Socket Bind(string appId, IPAddress address, int userId)
    {
        try
        {
            return BoundSockets.Bind(new IPEndPoint(address, Derive(appId, Environment.CurrentDirectory, userId, Environment.MachineName)));
        }
        catch (SocketException)
        {
            return BoundSockets.Bind(new IPEndPoint(address, 0));
        }
    }

    internal static int Derive(string appId, string directory, int userId, string host)
    {
        var key = string.Create(CultureInfo.InvariantCulture, $"{appId}|{directory}|{userId}|{host}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));
        return First + ((hash[0] + (256 * hash[1])) % (65535 - First));
    }
}
