using System.Net;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>Where a datagram came from.</summary>
/// <param name="Sender">The sender's address and port.</param>
/// <param name="InterfaceIndex">The interface that it arrived by.</param>
/// <param name="FromThisHost">The sender's address is one of this machine's.</param>
internal readonly record struct DatagramOrigin(IPEndPoint Sender, int InterfaceIndex, bool FromThisHost);

/// <summary>Takes a received message; the bytes are valid during the call only. Called from one thread per address family.</summary>
internal delegate void DatagramHandler(ReadOnlySpan<byte> message, in DatagramOrigin origin);

/// <summary>The multicast group on every network that this machine is on.</summary>
internal interface IMdnsLink : IAsyncDisposable
{
    /// <summary>
    /// Begins to receive. A machine without any network is no error: what comes up later is taken in then.
    /// </summary>
    /// <param name="onDatagram">Takes what arrives from neighbours; a sender that is on no attached network is left out.</param>
    /// <param name="onNetworkAppeared">Called after a network was taken in that was not there at the start.</param>
    void Open(DatagramHandler onDatagram, Action onNetworkAppeared);

    /// <summary>Sends to the group on one network, or on all of them when the index is zero. What cannot be sent is lost.</summary>
    void SendToGroup(ReadOnlySpan<byte> message, int interfaceIndex = 0);

    /// <summary>Sends to one neighbour.</summary>
    void SendTo(ReadOnlySpan<byte> message, in DatagramOrigin neighbour);
}
