using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace DaprK8s.Bench.Load;

/// <summary>HTTP/1.1 with keep-alive: the same request again and again, each answered with 2xx.</summary>
internal sealed class Http1Connection(int port, byte[] request) : IConnection
{
    private readonly Wire wire = new(port);

    /// <summary>A request with a body, ready to be sent.</summary>
    public static byte[] Post(string path, string contentType, ReadOnlySpan<byte> body)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }

    /// <summary>A request without a body, ready to be sent.</summary>
    public static byte[] Get(string path) => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");

    public void Exchange()
    {
        wire.Send(request);
        ReadAnswer(wire);
    }

    public void Dispose() => wire.Dispose();

    /// <summary>Reads an answer to its end and returns its status and the length of its body.</summary>
    /// <exception cref="IOException">The status is not 2xx.</exception>
    public static (int Status, long Length) ReadAnswer(Wire wire)
    {
        int headEnd;
        while ((headEnd = wire.Received.IndexOf("\r\n\r\n"u8)) < 0)
        {
            wire.ReceiveMore();
        }

        var head = wire.Received[..(headEnd + 2)];
        if (!Utf8Parser.TryParse(head["HTTP/1.1 ".Length..], out int status, out _))
        {
            throw new IOException($"not an HTTP answer: {Encoding.Latin1.GetString(head)}");
        }

        var chunked = false;
        long length = 0;
        for (var lines = head[(head.IndexOf((byte)'\n') + 1)..]; lines.Length > 0;)
        {
            var lineEnd = lines.IndexOf((byte)'\n');
            var line = lines[..(lineEnd - 1)];
            lines = lines[(lineEnd + 1)..];
            if (IsHeader(line, "content-length:"u8))
            {
                Utf8Parser.TryParse(line["content-length:".Length..].TrimStart((byte)' '), out length, out _);
            }
            else if (IsHeader(line, "transfer-encoding:"u8))
            {
                chunked = true;
            }
        }

        wire.Consume(headEnd + 4);
        if (status is < 200 or > 299)
        {
            wire.Fill((int)Math.Min(length, 1000));
            throw new IOException($"HTTP status {status}: {Encoding.UTF8.GetString(wire.Received)}");
        }

        if (chunked)
        {
            length = SkipChunks(wire);
        }
        else
        {
            wire.Skip(length);
        }

        return (status, length);
    }

    private static bool IsHeader(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name)
        => line.Length > name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name);

    private static long SkipChunks(Wire wire)
    {
        for (long total = 0; ;)
        {
            int lineEnd;
            while ((lineEnd = wire.Received.IndexOf("\r\n"u8)) < 0)
            {
                wire.ReceiveMore();
            }

            if (!Utf8Parser.TryParse(wire.Received[..lineEnd], out long size, out _, 'x'))
            {
                throw new IOException("not a chunk size");
            }

            wire.Consume(lineEnd + 2);
            wire.Skip(size + 2);
            if (size == 0)
            {
                return total;
            }

            total += size;
        }
    }
}
