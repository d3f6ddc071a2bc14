using System.Net;
using DaprK8s.Sidecar.Wire;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>
/// The request side of <c>CallLocalStream</c>: a leading message that already holds the first payload, then payload messages.
/// A small body thus goes out in one write.
/// </summary>
internal sealed class PeerRequestContent(InternalRequestHead head, Stream body) : HttpContent
{
    private const int ChunkSize = 32 << 10;
    private const int FirstRead = 4 << 10;

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        using var wire = new WireBuffer();
        var frame = wire.BeginFrame();
        var request = wire.BeginMessage(1);
        InternalMessages.WriteRequest(wire, head);
        wire.EndMessage(request);
        ulong sequence = 0;
        var more = body != Stream.Null && await PayloadWriter.AppendAsync(wire, body, FirstRead, sequence, cancellationToken);
        wire.EndFrame(frame);
        await stream.WriteAsync(wire.Memory, cancellationToken);
        while (more)
        {
            wire.Reset();
            frame = wire.BeginFrame();
            more = await PayloadWriter.AppendAsync(wire, body, ChunkSize, ++sequence, cancellationToken);
            if (more)
            {
                wire.EndFrame(frame);
                await stream.WriteAsync(wire.Memory, cancellationToken);
            }
        }

        await stream.FlushAsync(cancellationToken);
    }

}

/// <summary>The request side of <c>CallLocal</c>.</summary>
internal sealed class PeerUnaryContent(InternalRequestHead head) : HttpContent
{
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        using var wire = new WireBuffer();
        var frame = wire.BeginFrame();
        InternalMessages.WriteRequest(wire, head);
        wire.EndFrame(frame);
        await stream.WriteAsync(wire.Memory);
    }
}
