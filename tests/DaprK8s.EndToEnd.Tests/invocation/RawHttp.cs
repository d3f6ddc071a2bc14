using System.Net.Sockets;
using System.Text;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>HTTP/1.1 byte for byte, for what a well-behaved client would not send or would hide.</summary>
internal sealed class RawHttp : IDisposable
{
    private readonly TcpClient connection = new() { NoDelay = true };

    private RawHttp()
    {
    }

    private NetworkStream Stream => connection.GetStream();

    public static async Task<RawHttp> ConnectAsync(int port)
    {
        var raw = new RawHttp();
        await raw.connection.ConnectAsync("127.0.0.1", port);
        return raw;
    }

    /// <summary>Sends a request that asks for the connection to be closed, and reads all that comes.</summary>
    public static async Task<string> ExchangeAsync(int port, string request)
    {
        using var raw = await ConnectAsync(port);
        await raw.SendAsync(request);
        return await raw.ReadToEndAsync();
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes) => await Stream.WriteAsync(bytes);

    /// <summary>All until the other side closes; a reset counts as that.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var all = new MemoryStream();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await Stream.CopyToAsync(all, deadline.Token);
        }
        catch (IOException)
        {
        }

        return Encoding.UTF8.GetString(all.ToArray());
    }

    /// <summary>All up to and with a text.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var seen = new StringBuilder();
        var one = new byte[1];
        while (!seen.ToString().EndsWith(text, StringComparison.Ordinal))
        {
            if (await Stream.ReadAsync(one, deadline.Token) == 0)
            {
                throw new IOException($"the connection was closed after: {seen}");
            }

            seen.Append((char)one[0]);
        }

        return seen.ToString();
    }

    /// <summary>Cuts the connection off.</summary>
    public void Reset()
    {
        connection.Client.LingerState = new LingerOption(true, 0);
        connection.Close();
    }

    public void Dispose() => connection.Dispose();
}
