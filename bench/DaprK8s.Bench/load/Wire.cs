using System.Net;
using System.Net.Sockets;

namespace DaprK8s.Bench.Load;

/// <summary>A blocking loopback socket with a read buffer.</summary>
internal sealed class Wire : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Socket socket;
    private readonly byte[] buffer = new byte[64 * 1024];
    private int start;
    private int end;

    public Wire(int port)
    {
        socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.ReceiveTimeout = socket.SendTimeout = (int)Patience.TotalMilliseconds;
            socket.Connect(IPAddress.Loopback, port);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>What has been received and not consumed.</summary>
    public ReadOnlySpan<byte> Received => buffer.AsSpan(start, end - start);

    public void Send(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            data = data[socket.Send(data)..];
        }
    }

    /// <summary>Blocks until at least this many unconsumed bytes are there.</summary>
    public void Fill(int bytes)
    {
        while (end - start < bytes)
        {
            ReceiveMore();
        }
    }

    /// <summary>Blocks until more bytes are there than before.</summary>
    public void ReceiveMore()
    {
        if (start == end)
        {
            start = end = 0;
        }
        else if (end == buffer.Length)
        {
            if (start == 0)
            {
                throw new IOException("the answer has a part that is larger than the buffer");
            }

            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        var received = socket.Receive(buffer.AsSpan(end));
        if (received == 0)
        {
            throw new IOException("the connection was closed");
        }

        end += received;
    }

    public void Consume(int bytes) => start += bytes;

    /// <summary>Consumes bytes that nobody looks at, however many.</summary>
    public void Skip(long bytes)
    {
        while (bytes > 0)
        {
            if (start == end)
            {
                ReceiveMore();
            }

            var step = (int)Math.Min(bytes, end - start);
            start += step;
            bytes -= step;
        }
    }

    public void Dispose() => socket.Dispose();
}
