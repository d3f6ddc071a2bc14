using DaprK8s.Common.Wire;
using System.Buffers;

namespace DaprK8s.Sidecar.Wire;

/// <summary>Sends a body behind a leading message that is still open in the buffer (either direction of the internal protocol).</summary>
internal static class PayloadWriter
{
    private const int ChunkSize = 32 << 10;

    /// <summary>
    /// Finishes the frame and sends it, then the body chunk by chunk. A first chunk that is there already travels in the leading
    /// message, so a small body is one write; one that is not does not hold the head back.
    /// </summary>
    /// <param name="wire">Holds the open frame.</param>
    /// <param name="frame">Where <see cref="WireBuffer.BeginFrame"/> began it.</param>
    /// <param name="body">The body.</param>
    /// <param name="send">Writes and flushes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async ValueTask SendAsync(
        WireBuffer wire, int frame, Stream body, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> send, CancellationToken cancellationToken)
    {
        if (body == Stream.Null)
        {
            wire.EndFrame(frame);
            await send(wire.Memory, cancellationToken);
            return;
        }

        var chunk = ArrayPool<byte>.Shared.Rent(ChunkSize);
        var open = true;
        var reading = body.ReadAsync(chunk, cancellationToken);
        if (!reading.IsCompleted)
        {
            wire.EndFrame(frame);
            await send(wire.Memory, cancellationToken);
            open = false;
        }

        ulong sequence = 0;
        while (await reading is var read && read > 0)
        {
            if (!open)
            {
                wire.Reset();
                frame = wire.BeginFrame();
            }

            var payload = wire.BeginMessage(2);
            wire.Bytes(1, chunk.AsSpan(0, read));
            wire.Number(2, sequence++);
            wire.EndMessage(payload);
            wire.EndFrame(frame);
            await send(wire.Memory, cancellationToken);
            open = false;
            reading = body.ReadAsync(chunk, cancellationToken);
        }

        if (open)
        {
            wire.EndFrame(frame);
            await send(wire.Memory, cancellationToken);
        }

        // Only at the end: after a failure a read into it may still be under way.
        ArrayPool<byte>.Shared.Return(chunk);
    }
}
