using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace DaprK8s.Cluster.Network;

/// <summary>
/// Carries TCP connections from the addresses of Services to their pods. A port whose Service has nobody behind it is closed: callers
/// are refused.
/// </summary>
internal sealed class ServiceProxy : IAsyncDisposable
{
    private readonly ConcurrentDictionary<IPEndPoint, Forwarder> forwarders = new();

    /// <summary>Opens and closes ports as the table says.</summary>
    public void Follow(ServiceTable services)
    {
        var wanted = new Dictionary<IPEndPoint, IPEndPoint[]>();
        foreach (var service in services.Entries.Values)
        {
            foreach (var port in service.Ports)
            {
                if (service.ClusterAddress is { } address && port.Targets.Length > 0)
                {
                    wanted[new IPEndPoint(address, port.Port)] = [.. port.Targets];
                }
            }
        }

        foreach (var (at, targets) in wanted)
        {
            if (forwarders.TryGetValue(at, out var open))
            {
                open.Targets = targets;
            }
            else
            {
                forwarders[at] = new Forwarder(at, targets);
            }
        }

        foreach (var at in forwarders.Keys.Where(k => !wanted.ContainsKey(k)))
        {
            if (forwarders.TryRemove(at, out var closed))
            {
                closed.Close();
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Follow(new ServiceTable());
        return ValueTask.CompletedTask;
    }

    private sealed class Forwarder
    {
        private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private int next;

        public Forwarder(IPEndPoint at, IPEndPoint[] targets)
        {
            Targets = targets;
            listener.Bind(at);
            listener.Listen(128);
            _ = AcceptAsync();
        }

        public volatile IPEndPoint[] Targets;

        // Connections that are open stay so, as with a packet filter that knows them.
        public void Close() => listener.Dispose();

        private async Task AcceptAsync()
        {
            while (true)
            {
                try
                {
                    _ = CarryAsync(await listener.AcceptAsync());
                }
                catch (Exception e) when (e is ObjectDisposedException or SocketException)
                {
                    return;
                }
            }
        }

        private async Task CarryAsync(Socket caller)
        {
            using (caller)
            {
                var targets = Targets;
                var chosen = targets[(Interlocked.Increment(ref next) & int.MaxValue) % targets.Length];
                using var target = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    caller.NoDelay = target.NoDelay = true;
                    await target.ConnectAsync(chosen);
                    await Task.WhenAll(PumpAsync(caller, target), PumpAsync(target, caller));
                }
                catch (SocketException)
                {
                    // The caller sees the reset that it would have seen from the target.
                    caller.LingerState = new LingerOption(true, 0);
                }
            }
        }

        private static async Task PumpAsync(Socket from, Socket to)
        {
            var buffer = new byte[16 * 1024];
            try
            {
                int read;
                while ((read = await from.ReceiveAsync(buffer)) > 0)
                {
                    for (var sent = 0; sent < read;)
                    {
                        sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
                    }
                }

                to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // One direction broken is the connection broken.
                from.Dispose();
                to.Dispose();
            }
        }
    }
}
