using System.Net.Sockets;
using System.Text;

namespace DaprK8s.EndToEnd.Tests.Security;

/// <summary>Frames of HTTP/2 by hand (RFC 9113), for a peer that keeps no rule.</summary>
internal static class Http2Frames
{
    public static readonly byte[] Start = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(4, 0, 0, [])];

    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
        => [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, (byte)(stream >> 24), (byte)(stream >> 16), (byte)(stream >> 8), (byte)stream, .. payload];

    /// <summary>A request's header block.</summary>
    public static byte[] Request(string path, bool isGrpc, params (string Name, string Value)[] more)
    {
        List<byte> block = [isGrpc ? (byte)0x83 : (byte)0x82, 0x86, 0x04, .. Text(path), 0x01, .. Text("x")];
        if (isGrpc)
        {
            block.AddRange([0x00, .. Text("content-type"), .. Text("application/grpc"), 0x00, .. Text("te"), .. Text("trailers")]);
        }

        foreach (var (name, value) in more)
        {
            block.AddRange([0x00, .. Text(name), .. Text(value)]);
        }

        return [.. block];
    }

    /// <summary>A header that goes into the table of the connection, and can be named by one byte from then on.</summary>
    public static byte[] Indexed(string name, string value) => [0x40, .. Text(name), .. Text(value)];

    public static byte[] Headers(int stream, byte[] block, bool end = true, bool endHeaders = true)
        => Frame(1, (byte)((end ? 1 : 0) | (endHeaders ? 4 : 0)), stream, block);

    public static byte[] Continuation(int stream, byte[] block, bool end = false) => Frame(9, end ? (byte)4 : (byte)0, stream, block);

    public static byte[] Reset(int stream) => Frame(3, 0, stream, [0, 0, 0, 8]);

    public static byte[] Ping => Frame(6, 0, 0, new byte[8]);

    public static byte[] Settings => Frame(4, 0, 0, [0, 4, 0, 0, 0xff, 0xff]);

    /// <summary>Sends until all is sent or the other side has had enough; what it answers is not read, if so wished.</summary>
    public static async Task FloodAsync(int port, IEnumerable<byte[]> chunks, bool read)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync("127.0.0.1", port);
        var stream = connection.GetStream();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var reading = read ? stream.CopyToAsync(Stream.Null, patience.Token) : Task.CompletedTask;
        try
        {
            foreach (var chunk in chunks)
            {
                await stream.WriteAsync(chunk, patience.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Cut off, or not read from any more.
        }

        connection.Client.LingerState = new LingerOption(true, 0);
        connection.Close();
        try
        {
            await reading;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private static byte[] Text(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        List<byte> all = [];
        if (bytes.Length < 127)
        {
            all.Add((byte)bytes.Length);
        }
        else
        {
            all.Add(127);
            for (var rest = bytes.Length - 127; ; rest >>= 7)
            {
                all.Add((byte)(rest >= 128 ? rest % 128 | 128 : rest));
                if (rest < 128)
                {
                    break;
                }
            }
        }

        return [.. all, .. bytes];
    }
}
