namespace DaprK8s.Components.Middleware.Wasm;

/// <summary>A body in memory that fails the request when it grows over its limit.</summary>
internal sealed class BoundedBuffer(int limit) : MemoryStream
{
    /// <summary>Something was written that did not fit.</summary>
    public bool Overflowed { get; private set; }

    public ReadOnlyMemory<byte> Written => GetBuffer().AsMemory(0, (int)Length);

    public override void Write(byte[] buffer, int offset, int count)
    {
        Check(count);
        base.Write(buffer, offset, count);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Check(buffer.Length);
        base.Write(buffer);
    }

    public override void WriteByte(byte value)
    {
        Check(1);
        base.WriteByte(value);
    }

    // Whoever writes a response may close its body, and the server's own stays what it is then.
    protected override void Dispose(bool disposing)
    {
    }

    private void Check(int count)
    {
        if (Length + count > limit)
        {
            Overflowed = true;
            throw new GuestFaultException($"a body that the guest holds is larger than {limit} bytes (maxBodySize)");
        }
    }
}
