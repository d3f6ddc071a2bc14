using System.Globalization;
using System.Net;
using System.Text;
using DaprK8s.Components.NameResolution.Mdns;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>Turns messages to text, a line a question or record, so that a test can say what it expects.</summary>
internal static class DnsText
{
    public static string[] Lines(byte[] message)
    {
        Assert.True(DnsMessageReader.TryOpen(message, out var reader), "no DNS header");
        List<string> lines = [];
        for (var i = 0; i < reader.QuestionCount; i++)
        {
            Assert.True(reader.TryReadQuestion(out var question), $"question {i} is malformed");
            lines.Add($"? {Name(reader, question.NameOffset)} {question.Type} {Class(question.Class)}");
        }

        foreach (var section in Enum.GetValues<DnsSection>())
        {
            for (var i = 0; i < reader.RecordCount(section); i++)
            {
                Assert.True(reader.TryReadRecord(out var record), $"record {i} of {section} is malformed");
                lines.Add($"{section} {Name(reader, record.NameOffset)} {record.Type} {Class(record.Class)} {record.Ttl.ToString(CultureInfo.InvariantCulture)} {Data(reader, record)}");
            }
        }

        Assert.False(reader.TryReadRecord(out _), "there is more in the message than its counts tell");
        return [.. lines];
    }

    private static string Class(ushort value) => (value & 0x8000) != 0 ? "IN+" : "IN";

    private static string Name(in DnsMessageReader reader, int offset)
    {
        var name = new byte[DnsName.MaxLength];
        Assert.True(reader.TryExpandName(offset, name, out var length), "a name is malformed");
        return DnsName.Describe(name.AsSpan(0, length));
    }

    private static string Data(in DnsMessageReader reader, in DnsRecord record)
    {
        var name = new byte[DnsName.MaxLength];
        switch (record.Type)
        {
            case DnsType.Ptr:
                Assert.True(reader.TryReadPointer(record, name, out var length));
                return DnsName.Describe(name.AsSpan(0, length));
            case DnsType.Srv:
                Assert.True(reader.TryReadService(record, out var port, name, out length));
                return $"{DnsName.Describe(name.AsSpan(0, length))}:{port.ToString(CultureInfo.InvariantCulture)}";
            case DnsType.Txt:
                Assert.True(reader.TryReadFirstText(record, out var text));
                return $"\"{Encoding.UTF8.GetString(text)}\"";
            default:
                return new IPAddress(reader.Data(record)).ToString();
        }
    }
}
