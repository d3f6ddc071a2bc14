using System.Net;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;

namespace DaprK8s.Sidecar.Invocation;

/// <summary>The request side of <c>CallLocalStream</c>: a leading message, then the body's chunks.</summary>
internal sealed class PeerRequestContent(InternalRequestHead head, Stream body) : HttpContent
{
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
        await PayloadWriter.SendAsync(
            wire,
            frame,
            body,
            async (bytes, ct) =>
            {
                await stream.WriteAsync(bytes, ct);
                await stream.FlushAsync(ct);
            },
            cancellationToken);
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
