using System.Net;
using System.Net.Sockets;

namespace DaprK8s.Common.Hosting;

/// <summary>
/// Listening sockets, bound before the web server starts, so that ports are held while components connect, a port that is
/// still in use is waited for, and an address that can't be bound is skipped (contract: operations 1.11).
/// </summary>
public static class BoundSockets
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Binds a port on each address that can be bound; all interfaces when none is named.</summary>
    /// <exception cref="SocketException">None could be bound.</exception>
    public static async Task<IReadOnlyList<Socket>> BindAsync(
        IReadOnlyList<string> addresses, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            List<Socket> sockets = [];
            SocketException? last = null;
            foreach (var endpoint in await EndpointsAsync(addresses, port, cancellationToken))
            {
                try
                {
                    sockets.Add(Bind(endpoint));
                }
                catch (SocketException e)
                {
                    last = e;
                }
            }

            if (sockets.Count > 0)
            {
                return sockets;
            }

            // A port of an earlier run may take a moment to be free; an address of another host never is.
            if (last is not { SocketErrorCode: SocketError.AddressAlreadyInUse } || time.GetElapsedTime(started) > Patience)
            {
                throw last ?? new SocketException((int)SocketError.AddressNotAvailable);
            }

            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    /// <summary>Binds one address or throws.</summary>
    public static Socket Bind(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<IReadOnlyList<IPEndPoint>> EndpointsAsync(IReadOnlyList<string> addresses, int port, CancellationToken cancellationToken)
    {
        if (addresses.Count == 0 || addresses is [""])
        {
            return [new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port)];
        }

        List<IPEndPoint> endpoints = [];
        foreach (var address in addresses)
        {
            if (IPAddress.TryParse(address.Trim('[', ']'), out var ip))
            {
                endpoints.Add(new IPEndPoint(ip, port));
                continue;
            }

            try
            {
                endpoints.AddRange((await Dns.GetHostAddressesAsync(address, cancellationToken)).Select(a => new IPEndPoint(a, port)));
            }
            catch (SocketException)
            {
                // An address that doesn't resolve counts as one that can't be bound.
            }
        }

        return endpoints;
    }
}
