using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace DaprK8s.Bench.Load;

/// <summary>One Redis command again and again: what a state request costs without a sidecar.</summary>
internal sealed class RedisConnection(int port, byte[] command) : IConnection
{
    private readonly Wire wire = new(port);

    public static byte[] Command(params IEnumerable<byte[]> words)
    {
        var list = words.ToList();
        return
        [
            .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"*{list.Count}\r\n")),
            .. list.SelectMany(w => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"${w.Length}\r\n"))
                .Concat(w).Concat("\r\n"u8.ToArray())),
        ];
    }

    public void Exchange()
    {
        wire.Send(command);
        int lineEnd;
        while ((lineEnd = wire.Received.IndexOf("\r\n"u8)) < 0)
        {
            wire.ReceiveMore();
        }

        var line = wire.Received[..lineEnd];
        if (line[0] is not ((byte)'+' or (byte)'$') || line.SequenceEqual("$-1"u8))
        {
            throw new IOException($"Redis answered {Encoding.UTF8.GetString(line)}");
        }

        long body = 0;
        if (line[0] == '$')
        {
            Utf8Parser.TryParse(line[1..], out body, out _);
            body += 2;
        }

        wire.Consume(lineEnd + 2);
        wire.Skip(body);
    }

    public void Dispose() => wire.Dispose();
}
