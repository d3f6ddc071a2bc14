namespace DaprK8s.Sidecar.Tracing;

/// <summary>
/// The binary trace header of gRPC: 29 bytes, <c>00 | 00 trace id | 01 span id | 02 flags</c> (contract: operations 5.10).
/// </summary>
internal static class GrpcTraceBin
{
    public const string Header = "grpc-trace-bin";

    private const int Size = 29;

    /// <summary>From a <c>traceparent</c> text; <see langword="null"/> when it is none.</summary>
    public static byte[]? FromTraceParent(string parent)
    {
        if (parent.Length != 55)
        {
            return null;
        }

        var bytes = new byte[Size];
        var text = parent.AsSpan();
        bytes[18] = 1;
        bytes[27] = 2;
        return Convert.FromHexString(text.Slice(3, 32), bytes.AsSpan(2, 16), out _, out _) == System.Buffers.OperationStatus.Done
            && Convert.FromHexString(text.Slice(36, 16), bytes.AsSpan(19, 8), out _, out _) == System.Buffers.OperationStatus.Done
            && Convert.FromHexString(text.Slice(53, 2), bytes.AsSpan(28, 1), out _, out _) == System.Buffers.OperationStatus.Done
            ? bytes
            : null;
    }

    /// <summary>To a <c>traceparent</c> text; <see langword="null"/> when the bytes have another layout.</summary>
    public static string? ToTraceParent(ReadOnlySpan<byte> bytes)
        => bytes.Length == Size && bytes[0] == 0 && bytes[1] == 0 && bytes[18] == 1 && bytes[27] == 2
            ? $"00-{Convert.ToHexStringLower(bytes.Slice(2, 16))}-{Convert.ToHexStringLower(bytes.Slice(19, 8))}-{bytes[28]:x2}"
            : null;
}
