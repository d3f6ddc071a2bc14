using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace DaprK8s.TestServers;

/// <summary>
/// Stands between a client and a server, and goes away when told to: connections are reset and new ones refused, which is all
/// that a client sees of a killed server. The server itself stays for other tests.
/// </summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, Loopback.FreePort());
    private readonly ConcurrentBag<Socket> sockets = [];
    private readonly int target;
    private readonly Task accepting;

    /// <summary>Starts a relay.</summary>
    /// <param name="target">The loopback port that the server listens on.</param>
    public TcpRelay(int target)
    {
        this.target = target;
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>Where clients connect to.</summary>
    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Goes away for good.</summary>
    public async Task StopAsync()
    {
        listener.Stop();
        await accepting;
        foreach (var socket in sockets)
        {
            socket.Close(timeout: 0);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync();
                var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(client);
                sockets.Add(server);
                try
                {
                    await server.ConnectAsync(IPAddress.Loopback, target);
                }
                catch (SocketException)
                {
                    client.Close(timeout: 0);
                    continue;
                }

                _ = CopyAsync(client, server);
                _ = CopyAsync(server, client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        try
        {
            var buffer = new byte[16 << 10];
            while (await from.ReceiveAsync(buffer) is var read && read > 0)
            {
                await to.SendAsync(buffer.AsMemory(0, read));
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            from.Close(timeout: 0);
            to.Close(timeout: 0);
        }
    }
}
