using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// The multicast groups 224.0.0.251 and ff02::fb over real sockets, one for each address family. A family or an interface
/// that fails is left out; both are tried again whenever the machine's addresses change. Waits in the kernel: without
/// traffic and without changes nothing runs.
/// </summary>
/// <param name="port">The port; 5353 but in tests.</param>
/// <param name="only">Names of the interfaces to use, all when empty.</param>
/// <param name="time">The clock for the pauses.</param>
/// <param name="logger">Where trouble is told.</param>
internal sealed class MulticastLink(int port, IReadOnlyCollection<string> only, TimeProvider time, ILogger logger) : IMdnsLink
{
    // A change of network comes as a burst of events; one look after the burst is enough.
    private static readonly TimeSpan ChangeSettles = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromSeconds(1);
    private static readonly IPAddress[] Groups = [IPAddress.Parse("224.0.0.251"), IPAddress.Parse("ff02::fb")];

    private readonly CancellationTokenSource closing = new();
    private readonly Lock gate = new();
    private readonly MulticastSocket?[] sockets = new MulticastSocket?[Groups.Length];
    private readonly List<Task> receivers = [];
    private volatile IReadOnlyList<AttachedNetwork> networks = [];
    private volatile IReadOnlyList<AttachedNetwork> used = [];
    private DatagramHandler onDatagram = static (ReadOnlySpan<byte> _, in DatagramOrigin _) => { };
    private Action onNetworkAppeared = static () => { };
    private ITimer? changeTimer;
    private bool watchesChanges;

    /// <inheritdoc/>
    public void Open(DatagramHandler onDatagram, Action onNetworkAppeared)
    {
        this.onDatagram = onDatagram;
        this.onNetworkAppeared = onNetworkAppeared;
        changeTimer = time.CreateTimer(_ => OnChangeSettled(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            NetworkChange.NetworkAddressChanged += OnAddressChanged;
            watchesChanges = true;
        }
        catch (Exception e) when (e is NetworkInformationException or PlatformNotSupportedException)
        {
            logger.LogInformation("mDNS: changes of the network can't be watched here and are not followed: {Reason}", e.Message);
        }

        Scan();
        if (sockets.All(s => s is null))
        {
            logger.LogWarning("mDNS: neither IPv4 nor IPv6 multicast is available; peers of other machines are not found for now");
        }
    }

    /// <inheritdoc/>
    public void SendToGroup(ReadOnlySpan<byte> message, int interfaceIndex = 0)
    {
        foreach (var socket in sockets)
        {
            socket?.SendToGroup(message, interfaceIndex);
        }
    }

    /// <inheritdoc/>
    public void SendTo(ReadOnlySpan<byte> message, in DatagramOrigin neighbour)
    {
        var family = neighbour.Sender.AddressFamily;
        sockets[Array.FindIndex(Groups, g => g.AddressFamily == family)]?.SendTo(message, neighbour.Sender);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (watchesChanges)
        {
            NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        }

        await closing.CancelAsync();
        if (changeTimer is not null)
        {
            await changeTimer.DisposeAsync();
        }

        Task[] running;
        lock (gate)
        {
            running = [.. receivers];
            Array.ForEach(sockets, s => s?.Dispose());
        }

        await Task.WhenAll(running);
        closing.Dispose();
    }

    private void OnAddressChanged(object? sender, EventArgs e)
    {
        if (!closing.IsCancellationRequested)
        {
            changeTimer?.Change(ChangeSettles, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnChangeSettled()
    {
        try
        {
            if (Scan())
            {
                onNetworkAppeared();
            }
        }
        catch (Exception e)
        {
            logger.LogWarning(e, "mDNS: a change of the network could not be followed");
        }
    }

    /// <summary>Opens what is not open, joins what is not joined.</summary>
    /// <returns>Whether a network came in.</returns>
    private bool Scan()
    {
        var attached = AttachedNetwork.List();
        var chosen = only.Count == 0 ? attached : [.. attached.Where(n => only.Contains(n.Name))];
        var news = false;
        lock (gate)
        {
            if (closing.IsCancellationRequested)
            {
                return false;
            }

            networks = attached;
            used = chosen;
            for (var i = 0; i < Groups.Length; i++)
            {
                var family = Groups[i].AddressFamily;
                if (sockets[i] is null && chosen.Any(n => n.Speaks(family)))
                {
                    TryOpen(i);
                }

                news |= sockets[i]?.Join(chosen) ?? false;
            }
        }

        return news;
    }

    private void TryOpen(int i)
    {
        try
        {
            var socket = MulticastSocket.Open(Groups[i], port, logger);
            sockets[i] = socket;
            receivers.Add(Task.Run(() => ReceiveAllAsync(socket)));
        }
        catch (SocketException e)
        {
            logger.LogInformation("mDNS: no {Family} multicast: {Reason}", Groups[i].AddressFamily, e.Message);
        }
    }

    private async Task ReceiveAllAsync(MulticastSocket socket)
    {
        var buffer = new byte[DnsFormat.MaxMessageLength];
        while (!closing.IsCancellationRequested)
        {
            try
            {
                var received = await socket.ReceiveAsync(buffer, closing.Token);
                Hand(buffer.AsSpan(0, received.ReceivedBytes), received);
            }
            catch (Exception e) when (closing.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The interface is going down, or a datagram was too long.
                logger.LogDebug("mDNS: receiving failed: {Reason}", e.Message);
                await Task.Delay(PauseAfterError, time, closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Hand(ReadOnlySpan<byte> message, in SocketReceiveMessageFromResult received)
    {
        var sender = (IPEndPoint)received.RemoteEndPoint;
        var arrivedBy = received.PacketInformation.Interface;
        if (only.Count > 0 && used.All(n => n.Index != arrivedBy))
        {
            // The kernel hands over what other processes of this machine have joined for.
            return;
        }

        // What was sent to this machine alone may come from anywhere; only neighbours are listened to (RFC 6762 section 11).
        // The sender's address may be that of any interface, not only of the one that was sent by.
        var seen = networks;
        var own = seen.Any(n => n.Owns(sender.Address));
        if (!own && !received.PacketInformation.Address.Equals(Group(sender.AddressFamily)) && !seen.Any(n => n.Reaches(sender.Address)))
        {
            return;
        }

        try
        {
            onDatagram(message, new DatagramOrigin(sender, arrivedBy, own));
        }
        catch (Exception e)
        {
            logger.LogWarning(e, "mDNS: a message could not be handled and is left out");
        }
    }

    private static IPAddress Group(AddressFamily family) => family == AddressFamily.InterNetwork ? Groups[0] : Groups[1];
}
