using System.Net;
using CsCheck;
using DaprK8s.Components.NameResolution.Mdns;

namespace DaprK8s.Components.Tests.NameResolution;

public class DnsMessageTests
{
    private static readonly Gen<byte[]> Label = Gen.Byte.Array[1, 20];

    // Few distinct labels, so that names share endings and compression has something to do.
    private static readonly Gen<DnsName> Name = Gen.OneOf(Gen.Const("local"u8.ToArray()), Gen.Const("App"u8.ToArray()), Label).Array[0, 6].Select(labels =>
    {
        var name = DnsName.Root;
        foreach (var label in labels)
        {
            Assert.True(DnsName.TryPrepend(label, name, out var longer));
            name = longer;
        }

        return name;
    });

    private static readonly Gen<Record> AnyRecord =
        from kind in Gen.Int[0, 4]
        from section in Gen.Enum<DnsSection>()
        from owner in Name
        from target in Name
        from ttl in Gen.UInt
        from port in Gen.UShort
        from text in Gen.Byte.Array[0, 255]
        from address in Gen.Byte.Array[16, 16]
        from flush in Gen.Bool
        select new Record(kind, section, owner, target, ttl, port, text, address, flush);

    [Fact]
    public void What_is_written_reads_back_the_same()
        => Gen.Select(Name.Array[0, 4], AnyRecord.Array[0, 8], Gen.UShort).Sample((questions, unsorted, id) =>
        {
            var records = unsorted.OrderBy(r => r.Section).ToArray();
            var writer = new DnsMessageWriter(new byte[DnsFormat.MaxMessageLength], DnsFormat.Response, id);
            foreach (var question in questions)
            {
                Assert.True(writer.TryAddQuestion(question, DnsType.Any));
            }

            foreach (var record in records)
            {
                Assert.True(record.Write(ref writer));
            }

            var lines = DnsText.Lines(writer.Message.ToArray());
            Assert.Equal([.. questions.Select(q => $"? {q} Any IN"), .. records.Select(r => r.ToString())], lines);
        });

    [Fact]
    public void Names_that_end_alike_are_written_once()
    {
        Assert.True(DnsName.TryJoin("an-app-with-a-long-name", DnsName.Local, out var service));
        Assert.True(DnsName.TryJoin("host:1", service, out var instance));
        var writer = new DnsMessageWriter(new byte[512], 0);
        writer.TryAddPointer(DnsSection.Answer, service, 1, instance);
        var once = writer.Message.Length;
        writer.TryAddPointer(DnsSection.Answer, service, 1, instance);

        // Two pointers of two bytes, and the ten bytes between them.
        Assert.Equal(once + 14, writer.Message.Length);
    }

    [Fact]
    public void A_record_that_does_not_fit_is_left_out_whole()
        => Gen.Select(AnyRecord.Array[1, 8], Gen.Int[DnsFormat.HeaderLength, 400]).Sample((unsorted, size) =>
        {
            var writer = new DnsMessageWriter(new byte[size], 0);
            List<string> fitted = [];
            foreach (var record in unsorted.OrderBy(r => r.Section))
            {
                if (record.Write(ref writer))
                {
                    fitted.Add(record.ToString());
                }
            }

            Assert.Equal(fitted, DnsText.Lines(writer.Message.ToArray()));
        });

    [Fact]
    public void Random_bytes_are_refused_or_read_but_never_throw()
        => Gen.Byte.Array[0, 600].Sample(ReadEverything, iter: 20_000);

    [Fact]
    public void A_message_cut_or_damaged_anywhere_never_throws()
        => Gen.Select(AnyRecord.Array[1, 8], Gen.Int[0, 2000], Gen.Select(Gen.Int[0, 2000], Gen.Byte).Array[0, 6]).Sample((unsorted, cut, damages) =>
        {
            var writer = new DnsMessageWriter(new byte[4096], DnsFormat.Response);
            foreach (var record in unsorted.OrderBy(r => r.Section))
            {
                record.Write(ref writer);
            }

            var message = writer.Message.ToArray();
            foreach (var (at, value) in damages)
            {
                message[at % message.Length] = value;
            }

            ReadEverything(message[..Math.Min(message.Length, cut)]);
        }, iter: 20_000);

    [Theory]
    [InlineData("points to itself", new byte[] { 0xc0, 12 })]
    [InlineData("points forwards", new byte[] { 0xc0, 14, 0 })]
    [InlineData("points into its own labels", new byte[] { 1, (byte)'a', 0xc0, 12 })]
    [InlineData("points outside", new byte[] { 0xff, 0xff })]
    [InlineData("ends in the middle of a pointer", new byte[] { 1, (byte)'a', 0xc0 })]
    [InlineData("ends in the middle of a label", new byte[] { 9, (byte)'a' })]
    [InlineData("has a label of a kind that is not used", new byte[] { 0x41, (byte)'a', 0 })]
    public void A_name_is_refused_that(string why, byte[] name)
    {
        byte[] message = [.. new byte[DnsFormat.HeaderLength], .. name];
        Assert.True(DnsMessageReader.TryOpen(message, out var reader));
        Assert.False(reader.TryExpandName(DnsFormat.HeaderLength, new byte[DnsName.MaxLength], out _), $"a name that {why} was accepted");
    }

    [Fact]
    public void A_name_that_pointers_make_too_long_is_refused()
    {
        // Every label is followed by a pointer to the one before: 30 labels of 11 bytes each.
        List<byte> message = [.. new byte[DnsFormat.HeaderLength], 0];
        var previous = DnsFormat.HeaderLength;
        for (var i = 0; i < 30; i++)
        {
            var here = message.Count;
            message.AddRange([10, .. "abcdefghij"u8, (byte)(0xc0 | (previous >> 8)), (byte)previous]);
            previous = here;
        }

        Assert.True(DnsMessageReader.TryOpen(message.ToArray(), out var reader));
        Assert.False(reader.TryExpandName(previous, new byte[DnsName.MaxLength], out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a.")]
    [InlineData("a-label-that-is-longer-than-the-sixty-three-bytes-which-one-label-may-have")]
    public void Text_that_is_no_name_is_refused(string text) => Assert.False(DnsName.TryJoin(text, DnsName.Local, out _));

    [Fact]
    public void Names_are_told_apart_by_case()
    {
        Assert.True(DnsName.TryJoin("App", DnsName.Local, out var upper));
        Assert.True(DnsName.TryJoin("app", DnsName.Local, out var lower));
        Assert.NotEqual(upper, lower);
    }

    private static void ReadEverything(byte[] message)
    {
        if (!DnsMessageReader.TryOpen(message, out var reader))
        {
            return;
        }

        var name = new byte[DnsName.MaxLength];
        var copy = reader;
        while (copy.TryReadQuestion(out var question))
        {
            copy.TryExpandName(question.NameOffset, name, out _);
        }

        while (copy.TryReadRecord(out var record))
        {
            if (copy.TryExpandName(record.NameOffset, name, out var length))
            {
                Assert.InRange(length, 1, DnsName.MaxLength);
                Assert.Equal(0, name[length - 1]);
            }

            copy.TryReadPointer(record, name, out _);
            copy.TryReadService(record, out _, name, out _);
            copy.TryReadFirstText(record, out _);
            copy.Data(record);
        }

        ServiceSightings.Read(ref reader, new DatagramOrigin(new IPEndPoint(IPAddress.Loopback, 1), 1, true), new NoSink());
    }

    private sealed record Record(
        int Kind, DnsSection Section, DnsName Owner, DnsName Target, uint Ttl, ushort Port, byte[] Text, byte[] Address, bool Flush)
    {
        private ushort Class => (ushort)(DnsFormat.Internet | (Flush ? DnsFormat.CacheFlush : 0));

        private static readonly DnsType[] Types = [DnsType.Ptr, DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa];

        private IPAddress Ip => new(Kind == 3 ? Address[..4] : Address);

        public bool Write(ref DnsMessageWriter writer) => Kind switch
        {
            0 => writer.TryAddPointer(Section, Owner, Ttl, Target, Class),
            1 => writer.TryAddService(Section, Owner, Ttl, Port, Target, Class),
            2 => writer.TryAddText(Section, Owner, Ttl, Text, Class),
            _ => writer.TryAddAddress(Section, Owner, Ttl, Ip, Class),
        };

        public override string ToString()
        {
            var head = $"{Section} {Owner} {Types[Kind]} IN{(Flush ? "+" : "")} {Ttl}";
            return Kind switch
            {
                0 => $"{head} {Target}",
                1 => $"{head} {Target}:{Port}",
                2 => $"{head} \"{System.Text.Encoding.UTF8.GetString(Text)}\"",
                _ => $"{head} {Ip}",
            };
        }
    }

    private sealed class NoSink : ISightingSink
    {
        public void OnPresent(string appId, DnsName instance, string address) => Assert.NotEmpty(appId);

        public void OnGone(string appId, DnsName instance, string? address) => Assert.NotEmpty(appId);

        public void OnAppId(string appId) => Assert.NotEmpty(appId);
    }
}
