using System.Buffers.Binary;
using CsCheck;
using DaprK8s.Protos.Internals.V1;
using DaprK8s.Protos.Common.V1;
using DaprK8s.Common.Wire;
using DaprK8s.Sidecar.Wire;
using Google.Protobuf;

namespace DaprK8s.Sidecar.Tests.Wire;

/// <summary>gRPC frames, and bodies in pieces, as they come off a connection.</summary>
public sealed class FrameTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Frames_are_read_whole_however_they_arrive()
        => Gen.Select(Gen.Byte.Array[0, 9000].Array[0, 6], Gen.Int[1, 5000]).Sample(async (messages, piece) =>
        {
            using var frames = new FrameReader(new Trickle([.. messages.SelectMany(Frame)], piece), 1 << 20);
            foreach (var message in messages)
            {
                Assert.Equal(message, (await frames.ReadAsync(Token))!.Value.ToArray());
            }

            Assert.Null(await frames.ReadAsync(Token));
        });

    [Theory]
    [InlineData("00000000", "ends inside a frame header")]
    [InlineData("0000000003aabb", "ends inside a message")]
    [InlineData("0100000001aa", "compressed")]
    [InlineData("0000001001", "larger than max (4097 vs. 4096)")]
    [InlineData("00ffffffff", "larger than max (4294967295 vs. 4096)")]
    public async Task What_is_no_frame_is_refused(string hex, string text)
    {
        using var frames = new FrameReader(new MemoryStream(Convert.FromHexString(hex)), 4096);

        var e = await Assert.ThrowsAsync<WireException>(async () => await frames.ReadAsync(Token));

        Assert.Contains(text, e.Message);
    }

    [Theory]
    [InlineData("007fffffff")]
    [InlineData("00ffffffff")]
    public async Task An_announced_length_takes_no_memory_before_the_bytes_are_there(string hex)
    {
        using var frames = new FrameReader(new MemoryStream(Convert.FromHexString(hex)), long.MaxValue);
        var before = GC.GetAllocatedBytesForCurrentThread();

        await Assert.ThrowsAsync<WireException>(async () => await frames.ReadAsync(Token));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Fact]
    public void A_body_in_pieces_is_read_whole()
        => Gen.Select(Gen.Byte.Array[0, 4000].Array[0, 8], Gen.Int[1, 6000]).Sample(async (pieces, read) =>
        {
            ulong sequence = 0;
            var bytes = pieces.SelectMany(p => Frame(new InternalInvokeRequestStream
            {
                Payload = new StreamPayload { Data = ByteString.CopyFrom(p), Seq = p.Length == 0 ? 0 : sequence++ },
            }.ToByteArray()));
            using var frames = new FrameReader(new MemoryStream([.. bytes]), 1 << 20);
            await using var body = new PayloadStream(frames, null);
            using var all = new MemoryStream();
            await body.CopyToAsync(all, read);

            Assert.Equal(pieces.SelectMany(p => p), all.ToArray());
        });

    [Fact]
    public void A_body_that_was_written_is_read_again_and_by_the_generated_classes()
        => Gen.Select(Gen.Byte.Array[0, 100_000], Gen.Int[1, 50_000]).Sample(async (body, piece) =>
        {
            using var wire = new WireBuffer();
            using var sent = new MemoryStream();
            var frame = wire.BeginFrame();
            var message = wire.BeginMessage(1);
            InternalMessages.WriteResponse(wire, new InternalResponseHead { Code = 200 });
            wire.EndMessage(message);
            await PayloadWriter.SendAsync(wire, frame, new Trickle(body, piece), (b, ct) => sent.WriteAsync(b, ct), Token);

            sent.Position = 0;
            using var frames = new FrameReader(sent, 1 << 20);
            using var all = new MemoryStream();
            ulong expected = 0;
            for (var first = true; await frames.ReadAsync(Token) is { } bytes; first = false)
            {
                var read = InternalInvokeResponseStream.Parser.ParseFrom(bytes.Span);
                Assert.Equal(first, read.Response is { Status.Code: 200 });
                if (read.Payload is { } payload)
                {
                    Assert.Equal(expected++, payload.Seq);
                    payload.Data.WriteTo(all);
                }
            }

            Assert.Equal(body, all.ToArray());
        });

    private static byte[] Frame(byte[] message)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    /// <summary>A stream that gives no more than so many bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes, int piece) : MemoryStream(bytes, writable: false)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => base.ReadAsync(buffer[..Math.Min(buffer.Length, piece)], cancellationToken);
    }
}
