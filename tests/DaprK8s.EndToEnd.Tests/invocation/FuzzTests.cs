using System.Net;
using System.Net.Sockets;
using System.Text;
using DaprK8s.EndToEnd.Tests.Fixture;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>Bytes that nobody would send on purpose, on every port: the sidecar stays up, stays small, and goes on serving.</summary>
public sealed class FuzzTests
{
    private const int Rounds = 300;
    private static readonly byte[] Http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray();

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    [InlineData("internal")]
    [InlineData("metrics")]
    public async Task Random_bytes_do_no_harm(string port)
    {
        await using var app = await HttpApp.StartAsync(a => a.On("*", Reply.Of(200, "fine")));
        await using var daprd = await Daprd.With(app: app).StartAsync(Until.Ready);
        var number = port switch { "http" => daprd.HttpPort, "grpc" => daprd.GrpcPort, "internal" => daprd.InternalPort, _ => daprd.MetricsPort };
        var random = new Random(20_26);

        await Parallel.ForAsync(0, Rounds, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (round, _) =>
        {
            byte[] bytes;
            lock (random)
            {
                bytes = Make(random, round % 4, daprd.AppId);
            }

            await SendAsync(number, bytes);
        });

        Assert.False(daprd.HasExited);
        Assert.Equal("fine", await daprd.Http.GetStringAsync($"/v1.0/invoke/{daprd.AppId}/method/x"));
        Assert.InRange(daprd.ResidentBytes, 1, 400L << 20);
        Assert.DoesNotContain(daprd.Log.All, l => l.Contains("nhandled", StringComparison.Ordinal));
    }

    private static byte[] Make(Random random, int kind, string appId)
    {
        var noise = new byte[random.Next(1, 2000)];
        random.NextBytes(noise);
        switch (kind)
        {
            case 0:
                return noise;
            case 1:
                return [.. Http2Preface, .. noise];
            case 2:
                // Well-formed HTTP/2 frames with random types, flags, streams and content.
                using (var frames = new MemoryStream())
                {
                    frames.Write(Http2Preface);
                    for (var i = 0; i < 5; i++)
                    {
                        var length = random.Next(0, 300);
                        frames.Write([0, (byte)(length >> 8), (byte)length, (byte)random.Next(0, 10), (byte)random.Next(0, 64), 0, 0, 0, (byte)(random.Next(0, 4) * 2 + 1)]);
                        frames.Write(noise.AsSpan(0, Math.Min(length, noise.Length)));
                        frames.Write(new byte[Math.Max(0, length - noise.Length)]);
                    }

                    return frames.ToArray();
                }

            default:
                var text = Encoding.ASCII.GetBytes(
                    $"POST /v1.0/invoke/{appId}/method/x?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
                for (var i = 0; i < 5; i++)
                {
                    text[random.Next(text.Length)] = (byte)random.Next(256);
                }

                return text;
        }
    }

    private static async Task SendAsync(int port, byte[] bytes)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            await connection.GetStream().WriteAsync(bytes);
            connection.Client.Shutdown(SocketShutdown.Send);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            await connection.GetStream().CopyToAsync(Stream.Null, patience.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
        {
            // Cut off, as it deserves.
        }
    }
}
