using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;

namespace DaprK8s.Bench.Load;

/// <summary>
/// One unary gRPC call again and again over HTTP/2, one at a time. Knows just enough of HTTP/2 for that; the header
/// compression is switched off, and answers are recognised by their length.
/// </summary>
internal sealed class GrpcConnection : IConnection
{
    private const int FrameHead = 9;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;
    private const byte Ack = 1;
    private const int WindowStep = 1 << 20;
    private readonly Wire wire;
    private readonly byte[] request;
    private readonly int dataStart;
    private readonly int leastAnswer;
    private int stream = -1;
    private long sendWindow = 65_535;
    private int unacknowledged;

    /// <summary>Opens a connection.</summary>
    /// <param name="port">A port that speaks HTTP/2 without TLS.</param>
    /// <param name="method">Full name, such as <c>/bench.Echo/Say</c>.</param>
    /// <param name="message">The request.</param>
    /// <param name="leastAnswer">An answer with fewer bytes is a failure.</param>
    /// <param name="metadata">Headers of the call.</param>
    public GrpcConnection(int port, string method, IMessage message, int leastAnswer, params (string Name, string Value)[] metadata)
    {
        this.leastAnswer = leastAnswer;
        var headers = Headers([
            (":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"), .. metadata,
        ]);
        var body = message.ToByteArray();
        dataStart = FrameHead + headers.Length;
        request = new byte[dataStart + FrameHead + 5 + body.Length];
        WriteFrame(request, FrameType.Headers, EndHeaders, headers);
        var data = new byte[5 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(1), body.Length);
        body.CopyTo(data, 5);
        WriteFrame(request.AsSpan(dataStart), FrameType.Data, EndStream, data);

        wire = new Wire(port);
        wire.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        // SETTINGS: no header table (1), no push (2), a stream window (4) that one answer never fills.
        SendFrame(FrameType.Settings, 0, [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, 0x01, 0, 0, 0]);
        SendWindowUpdate(16 * WindowStep);
    }

    private enum FrameType : byte
    {
        Data = 0,
        Headers = 1,
        Reset = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7,
        WindowUpdate = 8,
    }

    public void Exchange()
    {
        stream += 2;
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(5), stream);
        BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(dataStart + 5), stream);
        var dataLength = request.Length - dataStart - FrameHead;
        while (sendWindow < dataLength)
        {
            ReadFrame(out _);
        }

        sendWindow -= dataLength;
        wire.Send(request);

        var received = 0;
        bool ended;
        do
        {
            received += ReadFrame(out ended);
        }
        while (!ended);

        if (received < leastAnswer)
        {
            throw new IOException($"the gRPC answer has {received} bytes, not {leastAnswer} or more: the call failed");
        }
    }

    public void Dispose() => wire.Dispose();

    /// <summary>Reads one frame; returns the bytes of the answer in it.</summary>
    private int ReadFrame(out bool ended)
    {
        wire.Fill(FrameHead);
        var head = wire.Received;
        var length = (head[0] << 16) | (head[1] << 8) | head[2];
        var type = (FrameType)head[3];
        var flags = head[4];
        var frameStream = BinaryPrimitives.ReadInt32BigEndian(head[5..]);
        wire.Consume(FrameHead);
        wire.Fill(Math.Min(length, 32 * 1024));
        var payload = wire.Received[..Math.Min(length, wire.Received.Length)];
        ended = false;
        switch (type)
        {
            case FrameType.Data:
                ended = (flags & EndStream) != 0;
                wire.Skip(length);
                CountReceived(length);
                return length;
            case FrameType.Headers:
                ended = (flags & EndStream) != 0;
                break;
            case FrameType.Settings when (flags & Ack) == 0:
                wire.Skip(length);
                SendFrame(FrameType.Settings, Ack, []);
                return 0;
            case FrameType.Ping when (flags & Ack) == 0:
                SendFrame(FrameType.Ping, Ack, payload);
                break;
            case FrameType.WindowUpdate when frameStream == 0:
                // A stream's own window is never used up by one request.
                sendWindow += BinaryPrimitives.ReadInt32BigEndian(payload);
                break;
            case FrameType.Reset or FrameType.GoAway:
                throw new IOException($"HTTP/2 {type}: {Encoding.ASCII.GetString(payload)}");
        }

        wire.Skip(length);
        return 0;
    }

    private void CountReceived(int bytes)
    {
        unacknowledged += bytes;
        if (unacknowledged >= WindowStep)
        {
            SendWindowUpdate(unacknowledged);
            unacknowledged = 0;
        }
    }

    private void SendWindowUpdate(int bytes)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(payload, bytes);
        SendFrame(FrameType.WindowUpdate, 0, payload);
    }

    private void SendFrame(FrameType type, byte flags, ReadOnlySpan<byte> payload)
    {
        Span<byte> frame = stackalloc byte[FrameHead + payload.Length];
        WriteFrame(frame, type, flags, payload);
        wire.Send(frame);
    }

    private static void WriteFrame(Span<byte> target, FrameType type, byte flags, ReadOnlySpan<byte> payload)
    {
        target[0] = (byte)(payload.Length >> 16);
        target[1] = (byte)(payload.Length >> 8);
        target[2] = (byte)payload.Length;
        target[3] = (byte)type;
        target[4] = flags;
        payload.CopyTo(target[FrameHead..]);
    }

    // Each as a literal that enters no table.
    private static byte[] Headers(IEnumerable<(string Name, string Value)> headers)
    {
        using var block = new MemoryStream();
        foreach (var (name, value) in headers)
        {
            block.WriteByte(0);
            WriteText(name);
            WriteText(value);
        }

        return block.ToArray();

        void WriteText(string text)
        {
            if (text.Length > 126)
            {
                throw new ArgumentException("header texts here are short", nameof(headers));
            }

            block.WriteByte((byte)text.Length);
            block.Write(Encoding.ASCII.GetBytes(text));
        }
    }
}
