using System.Buffers;

namespace DaprK8s.Sidecar.PubSub;

/// <summary>
/// A growing buffer rented from the pool, for a document that lives no longer than one call. Whoever writes into it disposes
/// it once nothing refers to <see cref="Written"/> any more.
/// </summary>
internal sealed class PooledBuffer(int capacity) : IBufferWriter<byte>, IDisposable
{
    private byte[] rented = ArrayPool<byte>.Shared.Rent(capacity);
    private int length;

    public ReadOnlyMemory<byte> Written => rented.AsMemory(0, length);

    public void Advance(int count) => length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return rented.AsMemory(length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return rented.AsSpan(length);
    }

    public void Dispose()
    {
        if (rented.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(rented);
            (rented, length) = ([], 0);
        }
    }

    private void Reserve(int sizeHint)
    {
        if (rented.Length - length >= Math.Max(sizeHint, 1))
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(rented.Length * 2, length + sizeHint)));
        rented.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(rented);
        rented = larger;
    }
}
