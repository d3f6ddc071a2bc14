using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// The group's socket of one address family: bound to the port that every responder of the machine shares, member of the
/// group on each interface that lets it, and sending by whichever interface is asked for.
/// </summary>
internal sealed class MulticastSocket : IDisposable
{
    // The hop limit by which a receiver can tell that a packet comes from its own link (RFC 6762 section 11).
    private const int HopLimit = 255;

    private readonly Socket socket;
    private readonly IPEndPoint group;
    private readonly ILogger logger;
    private readonly Lock sending = new();
    private readonly HashSet<int> joined = [];
    private readonly HashSet<int> failing = [];
    private AttachedNetwork[] networks = [];

    private MulticastSocket(Socket socket, IPEndPoint group, ILogger logger)
    {
        this.socket = socket;
        this.group = group;
        this.logger = logger;
    }

    private AddressFamily Family => group.AddressFamily;

    private SocketOptionLevel Level => Family == AddressFamily.InterNetwork ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;

    /// <summary>Binds the shared port.</summary>
    /// <exception cref="SocketException">The family is not there, or something holds the port for itself.</exception>
    public static MulticastSocket Open(IPAddress group, int port, ILogger logger)
    {
        var family = group.AddressFamily;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (family == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            // On Unix this sets SO_REUSEPORT as well, where it is needed to share with responders that do.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            var level = family == AddressFamily.InterNetwork ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;
            socket.SetSocketOption(level, SocketOptionName.PacketInformation, true);
            socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, HopLimit);
            socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, true);
            socket.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, port));
            return new MulticastSocket(socket, new IPEndPoint(group, port), logger);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Takes in the interfaces that are there now.</summary>
    /// <returns>Whether one is among them that was not there before.</returns>
    public bool Join(IReadOnlyList<AttachedNetwork> attached)
    {
        var usable = attached.Where(n => n.Speaks(Family)).ToArray();
        lock (sending)
        {
            // The kernel has left the group on interfaces that are gone; one that comes back is joined anew.
            joined.IntersectWith(usable.Select(n => n.Index));
            var news = usable.Where(n => !joined.Contains(n.Index)).Count(TryJoin) > 0;
            networks = Array.FindAll(usable, n => joined.Contains(n.Index));
            return news;
        }
    }

    /// <summary>Sends to the group on one interface, or on all when the index is zero.</summary>
    public void SendToGroup(ReadOnlySpan<byte> message, int interfaceIndex)
    {
        lock (sending)
        {
            foreach (var network in networks)
            {
                if (interfaceIndex == 0 || interfaceIndex == network.Index)
                {
                    TrySend(message, network);
                }
            }
        }
    }

    /// <summary>Sends to one neighbour.</summary>
    public void SendTo(ReadOnlySpan<byte> message, IPEndPoint neighbour)
    {
        try
        {
            socket.SendTo(message, SocketFlags.None, neighbour);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            logger.LogDebug("mDNS: no answer could be sent to a neighbour: {Reason}", e.Message);
        }
    }

    /// <summary>Waits for a datagram.</summary>
    public ValueTask<SocketReceiveMessageFromResult> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        => socket.ReceiveMessageFromAsync(
            buffer, SocketFlags.None, new IPEndPoint(Family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0), cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    private bool TryJoin(AttachedNetwork network)
    {
        try
        {
            object membership = Family == AddressFamily.InterNetwork
                ? new MulticastOption(group.Address, network.Index)
                : new IPv6MulticastOption(group.Address, network.Index);
            socket.SetSocketOption(Level, SocketOptionName.AddMembership, membership);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            // Still a member: the interface was away for a moment and kept its index.
        }
        catch (SocketException e)
        {
            logger.LogDebug("mDNS: interface {Interface} can't be joined ({Family}): {Reason}", network.Name, Family, e.Message);
            return false;
        }

        return joined.Add(network.Index);
    }

    private void TrySend(ReadOnlySpan<byte> message, AttachedNetwork network)
    {
        try
        {
            var index = Family == AddressFamily.InterNetwork ? IPAddress.HostToNetworkOrder(network.Index) : network.Index;
            socket.SetSocketOption(Level, SocketOptionName.MulticastInterface, index);
            socket.SendTo(message, SocketFlags.None, group);
            failing.Remove(network.Index);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            if (!failing.Add(network.Index))
            {
                return;
            }

            logger.LogDebug("mDNS: nothing could be sent by interface {Interface} ({Family}): {Reason}", network.Name, Family, e.Message);
        }
    }
}
