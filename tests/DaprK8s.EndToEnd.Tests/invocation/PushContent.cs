using System.Net;
using System.Text;
using System.Threading.Channels;

namespace DaprK8s.EndToEnd.Tests.Invocation;

/// <summary>A request body that the test sends piece by piece, of unknown length.</summary>
internal sealed class PushContent : HttpContent
{
    private readonly Channel<byte[]> pieces = Channel.CreateUnbounded<byte[]>();

    public void Push(string text) => pieces.Writer.TryWrite(Encoding.UTF8.GetBytes(text));

    public void End() => pieces.Writer.TryComplete();

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await foreach (var piece in pieces.Reader.ReadAllAsync())
        {
            await stream.WriteAsync(piece);
            await stream.FlushAsync();
        }
    }
}

/// <summary>A request body of any size that is never held whole.</summary>
internal sealed class PatternContent(long size, bool chunked = false) : HttpContent
{
    private static readonly byte[] Piece = MakePiece();

    /// <summary>Checks what was sent.</summary>
    /// <returns>The number of bytes, or -1 when one is wrong.</returns>
    public static async Task<long> CheckAsync(Stream body)
    {
        var buffer = new byte[Piece.Length];
        long total = 0;
        while (await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false) is var read && read > 0)
        {
            if (!buffer.AsSpan(0, read).SequenceEqual(Piece.AsSpan(0, read)))
            {
                return -1;
            }

            total += read;
        }

        return total;
    }

    public static async Task WriteAsync(Stream stream, long size)
    {
        for (var left = size; left > 0; left -= Piece.Length)
        {
            await stream.WriteAsync(Piece.AsMemory(0, (int)Math.Min(left, Piece.Length)));
        }
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = size;
        return !chunked;
    }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => WriteAsync(stream, size);

    private static byte[] MakePiece()
    {
        var piece = new byte[256 << 10];
        new Random(11).NextBytes(piece);
        return piece;
    }
}
