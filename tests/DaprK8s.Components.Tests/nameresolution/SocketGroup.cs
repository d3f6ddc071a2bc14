using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using DaprK8s.Components.NameResolution.Mdns;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>
/// A group of real sockets on the loopback interface: a multicast group of a port of its own where a probe got through,
/// else one UDP port a member, each sending to all.
/// </summary>
internal sealed class SocketGroup(bool multicast, int[] ports)
{
    /// <summary>Finds out what the kernel carries and takes free ports.</summary>
    public static async Task<SocketGroup> CreateAsync(int members)
    {
        var ports = Enumerable.Range(0, members).Select(_ => FreePort()).ToArray();
        return new SocketGroup(await CarriesMulticastAsync(FreePort()), ports);
    }

    /// <summary>The name of the loopback interface.</summary>
    public static string LoopbackName()
        => NetworkInterface.GetAllNetworkInterfaces().First(i => i.NetworkInterfaceType == NetworkInterfaceType.Loopback).Name;

    /// <summary>The group as text, for a member in another process.</summary>
    public string Describe(int member) => string.Create(CultureInfo.InvariantCulture, $"{multicast};{string.Join(',', ports)};{member}");

    public static SocketGroup Parse(string text, out int member)
    {
        var parts = text.Split(';');
        member = int.Parse(parts[2], CultureInfo.InvariantCulture);
        return new SocketGroup(bool.Parse(parts[0]), [.. parts[1].Split(',').Select(p => int.Parse(p, CultureInfo.InvariantCulture))]);
    }

    public IMdnsLink Open(int member, ComponentContext context)
        => multicast ? new MulticastLink(ports[0], [LoopbackName()], context.Time, context.Logger) : new UnicastLink(ports, member);

    private static int FreePort()
    {
        using Socket probe = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        probe.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static async Task<bool> CarriesMulticastAsync(int port)
    {
        TaskCompletionSource heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using MulticastLink link = new(port, [LoopbackName()], TimeProvider.System, new Support.RecordingLogger());
        link.Open((ReadOnlySpan<byte> _, in DatagramOrigin _) => heard.TrySetResult(), static () => { });
        link.SendToGroup("probe"u8);
        return await Task.WhenAny(heard.Task, Task.Delay(TimeSpan.FromSeconds(5))) == heard.Task;
    }

    /// <summary>One member where there is no multicast.</summary>
    private sealed class UnicastLink(int[] ports, int member) : IMdnsLink
    {
        private readonly UdpClient socket = new(new IPEndPoint(IPAddress.Loopback, ports[member]));
        private readonly CancellationTokenSource closing = new();
        private Task receiving = Task.CompletedTask;

        public void Open(DatagramHandler onDatagram, Action onNetworkAppeared) => receiving = ReceiveAsync(onDatagram);

        public void SendToGroup(ReadOnlySpan<byte> message, int interfaceIndex = 0)
        {
            foreach (var port in ports)
            {
                socket.Send(message, new IPEndPoint(IPAddress.Loopback, port));
            }
        }

        public void SendTo(ReadOnlySpan<byte> message, in DatagramOrigin neighbour) => socket.Send(message, neighbour.Sender);

        public async ValueTask DisposeAsync()
        {
            await closing.CancelAsync();
            await receiving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            socket.Dispose();
            closing.Dispose();
        }

        private async Task ReceiveAsync(DatagramHandler onDatagram)
        {
            while (true)
            {
                var received = await socket.ReceiveAsync(closing.Token);
                onDatagram(received.Buffer, new DatagramOrigin(received.RemoteEndPoint, 1, true));
            }
        }
    }
}
