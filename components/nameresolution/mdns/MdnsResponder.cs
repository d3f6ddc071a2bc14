using System.Buffers.Binary;

namespace DaprK8s.Components.NameResolution.Mdns;

/// <summary>
/// Answers for one sidecar: to questions for its service, its instance and the list of services. Also says unasked when it
/// comes and when it goes.
/// </summary>
internal sealed class MdnsResponder(IMdnsLink link, MdnsAnnouncement announcement, TimeProvider time)
{
    // Far above what a network of sidecars asks for; keeps a flood of questions from becoming one of answers.
    private const int MaxAnswersPerSecond = 200;

    private const int Repetitions = 2;

    private static readonly TimeSpan BetweenAnnouncements = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxProbePause = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();
    private long secondStart = time.GetTimestamp();
    private int answersThisSecond;

    /// <summary>Looks whether anybody has the name, then tells every network of the sidecar, twice.</summary>
    public async Task IntroduceAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < Repetitions; i++)
        {
            link.SendToGroup(announcement.Probe);
            await Task.Delay(Random.Shared.NextDouble() * MaxProbePause, time, cancellationToken);
        }

        for (var i = 0; i < Repetitions; i++)
        {
            await Task.Delay(i * BetweenAnnouncements, time, cancellationToken);
            Announce();
        }
    }

    /// <summary>Tells every network of the sidecar.</summary>
    public void Announce() => link.SendToGroup(announcement.Unsolicited);

    /// <summary>Tells every network that the sidecar is gone.</summary>
    public void SayGoodbye() => link.SendToGroup(announcement.Goodbye);

    /// <summary>Answers the questions of a query, each with a message of its own.</summary>
    public void Answer(ReadOnlySpan<byte> query, ref DnsMessageReader reader, in DatagramOrigin origin)
    {
        // A probe: the sender claims a name for itself. There is nothing to defend, the process id is in ours.
        if (!reader.IsStandard || reader.RecordCount(DnsSection.Authority) > 0)
        {
            return;
        }

        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        while (reader.TryReadQuestion(out var question))
        {
            if (reader.TryExpandName(question.NameOffset, name, out var length)
                && AnswerTo(name[..length], question, query) is { } answer
                && MayAnswer())
            {
                Send(answer, question, reader.Id, origin);
            }
        }
    }

    private byte[]? AnswerTo(ReadOnlySpan<byte> name, in DnsQuestion question, ReadOnlySpan<byte> query)
    {
        if ((question.Class & ~DnsFormat.WantsUnicast) is not (DnsFormat.Internet or (int)DnsType.Any))
        {
            return null;
        }

        if (name.SequenceEqual(announcement.Instance.Wire))
        {
            return announcement.LookupAnswer;
        }

        if (question.Type is not (DnsType.Ptr or DnsType.Any))
        {
            return null;
        }

        if (name.SequenceEqual(announcement.Service.Wire))
        {
            return IsKnown(query, announcement.Service, announcement.Instance) ? null : announcement.BrowseAnswer;
        }

        return name.SequenceEqual(DnsName.ServiceTypes.Wire) && !IsKnown(query, DnsName.ServiceTypes, announcement.Service)
            ? announcement.ServiceTypeAnswer
            : null;
    }

    /// <summary>Whether the asker has told that it knows the answer, and may keep it for long enough (RFC 6762 section 7.1).</summary>
    private static bool IsKnown(ReadOnlySpan<byte> query, DnsName owner, DnsName target)
    {
        if (!DnsMessageReader.TryOpen(query, out var reader))
        {
            return false;
        }

        Span<byte> name = stackalloc byte[DnsName.MaxLength];
        for (var left = reader.RecordCount(DnsSection.Answer); left > 0 && reader.TryReadRecord(out var known); left--)
        {
            if (known.Type == DnsType.Ptr
                && known.Ttl >= MdnsAnnouncement.ServiceTtl / 2
                && reader.TryReadPointer(known, name, out var length)
                && name[..length].SequenceEqual(target.Wire)
                && reader.TryExpandName(known.NameOffset, name, out length)
                && name[..length].SequenceEqual(owner.Wire))
            {
                return true;
            }
        }

        return false;
    }

    private void Send(byte[] answer, in DnsQuestion question, ushort queryId, in DatagramOrigin origin)
    {
        if ((question.Class & DnsFormat.WantsUnicast) == 0)
        {
            link.SendToGroup(answer, origin.InterfaceIndex);
            return;
        }

        byte[] own = [.. answer];
        BinaryPrimitives.WriteUInt16BigEndian(own, queryId);
        link.SendTo(own, origin);
    }

    private bool MayAnswer()
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            if (time.GetElapsedTime(secondStart, now) >= TimeSpan.FromSeconds(1))
            {
                secondStart = now;
                answersThisSecond = 0;
            }

            return answersThisSecond++ < MaxAnswersPerSecond;
        }
    }
}
