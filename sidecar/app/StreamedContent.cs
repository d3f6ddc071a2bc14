using System.Buffers;
using System.Net;

namespace DaprK8s.Sidecar.App;

/// <summary>A request body that is read from the caller while it is sent, and never held whole.</summary>
internal sealed class StreamedContent : HttpContent
{
    private const int ChunkSize = 64 << 10;

    private readonly Stream source;
    private readonly long? length;

    public StreamedContent(Stream source, long? length, string contentType)
    {
        this.source = source;
        this.length = length;
        if (contentType.Length > 0)
        {
            Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
    }

    protected override bool TryComputeLength(out long result)
    {
        result = length ?? 0;
        return length is not null;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (length == 0)
        {
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(length ?? ChunkSize, ChunkSize));
        try
        {
            while (await source.ReadAsync(buffer, cancellationToken) is var read && read > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);

                // A body of unknown length may be a slow one: its chunks go on as they come.
                if (length is null)
                {
                    await stream.FlushAsync(cancellationToken);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
