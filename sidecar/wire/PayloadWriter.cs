namespace DaprK8s.Sidecar.Wire;

/// <summary>Reads a chunk of a body straight into the frame that carries it.</summary>
internal static class PayloadWriter
{
    /// <summary>Appends <c>payload { data, seq }</c> (field 2 of either stream message).</summary>
    /// <returns>Whether there was data; if not, what was written must not be sent as a message of its own.</returns>
    public static async ValueTask<bool> AppendAsync(WireBuffer wire, Stream body, int size, ulong sequence, CancellationToken cancellationToken)
    {
        // Nothing is written before the read has yielded data: an empty payload must not claim a sequence number.
        var chunk = System.Buffers.ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var read = await body.ReadAsync(chunk.AsMemory(0, size), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            var payload = wire.BeginMessage(2);
            wire.Bytes(1, chunk.AsSpan(0, read));
            wire.Number(2, sequence);
            wire.EndMessage(payload);
            return true;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
