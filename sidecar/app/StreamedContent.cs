using System.Buffers;
using System.Net;
using DaprK8s.Sidecar.Invocation;

namespace DaprK8s.Sidecar.App;

/// <summary>A request body that is read from the caller while it is sent, and never held whole.</summary>
internal sealed class StreamedContent : HttpContent
{
    private const int ChunkSize = 64 << 10;

    private readonly long? length;

    public StreamedContent(Stream source, long? length, string contentType)
    {
        Source = source;
        this.length = length;
        if (contentType.Length > 0)
        {
            Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
    }

    /// <summary>Where the body comes from.</summary>
    public Stream Source { get; }

    /// <summary>
    /// Puts the headers on a request. Those that describe the body, such as Content-Encoding, can only stand on the content, and
    /// one without a body gets an empty one for them.
    /// </summary>
    public static void AddHeaders(HttpRequestMessage message, IEnumerable<KeyValuePair<string, string>> headers)
    {
        foreach (var (name, value) in headers)
        {
            if (HeaderRules.IsBinary(name) || !HeaderRules.IsSendable(name, value) || message.Headers.TryAddWithoutValidation(name, value)
                || name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            message.Content ??= new StreamedContent(Stream.Null, 0, "");
            message.Content.Headers.TryAddWithoutValidation(name, value);
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
        var reading = Source.ReadAsync(buffer, cancellationToken);
        if (!reading.IsCompleted)
        {
            await stream.FlushAsync(cancellationToken);
        }

        while (await reading is var read && read > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);

            // What came goes on before more is waited for.
            reading = Source.ReadAsync(buffer, cancellationToken);
            if (!reading.IsCompleted)
            {
                await stream.FlushAsync(cancellationToken);
            }
        }

        // Only at the end: after a failure a read into it may still be under way.
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
