using System.Net;
using DaprK8s.Components.NameResolution.Mdns;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>What a sidecar says on the network, record by record (contract: messaging 6.3).</summary>
public class MdnsWireTests
{
    private static readonly string Host = Dns.GetHostName();
    private static readonly string Instance = $"{Host}:{Environment.ProcessId}.orders.local.";

    private readonly FakeTimeProvider time = new();
    private readonly GroupInMemory group = new();

    [Fact]
    public async Task A_sidecar_asks_twice_for_its_own_name_and_then_announces_itself_twice_a_second_apart()
    {
        await using var resolver = await AnnouncedAsync();
        await Advance.UntilAsync(time, TimeSpan.FromMilliseconds(50), () => group.Sent.Count >= 3, "two probes and an announcement");
        var firstAnnouncement = time.GetUtcNow();
        await Advance.UntilAsync(time, TimeSpan.FromMilliseconds(50), () => group.Sent.Count >= 4, "a second announcement");

        string[] probe =
        [
            $"? {Instance} Ptr IN",
            $"Authority {Instance} Srv IN 3200 {Host}.local.:50002",
            $"Authority {Instance} Txt IN 3200 \"orders\"",
        ];
        var sent = group.Sent.Select(DnsText.Lines).ToArray();
        Assert.Equal([probe, probe, Everything(3200, 120), Everything(3200, 120)], sent);
        Assert.InRange(time.GetUtcNow() - firstAnnouncement, TimeSpan.FromMilliseconds(950), TimeSpan.FromMilliseconds(1050));
    }

    [Fact]
    public async Task A_browse_is_answered_with_the_instance_and_all_that_is_needed_to_call_it()
    {
        await using var resolver = await AnnouncedAsync();
        var answer = Assert.Single(Ask("orders", DnsType.Ptr));
        Assert.Equal(
            [
                $"Answer orders.local. Ptr IN 3200 {Instance}",
                $"Additional {Instance} Srv IN 3200 {Host}.local.:50002",
                $"Additional {Instance} Txt IN 3200 \"orders\"",
                $"Additional {Host}.local. A IN 120 192.168.7.9",
            ],
            DnsText.Lines(answer));
        Assert.True(DnsMessageReader.TryOpen(answer, out var reader));
        Assert.Equal((0x8400, 0), (reader.Flags, reader.Id));
    }

    [Fact]
    public async Task A_question_for_the_instance_is_answered_with_everything()
    {
        await using var resolver = await AnnouncedAsync();
        var answer = Assert.Single(Ask($"{Host}:{Environment.ProcessId}.orders", DnsType.Srv));
        Assert.Equal([.. Everything(3200, 120)[..^1], $"Answer {Host}.local. A IN 120 192.168.7.9"], DnsText.Lines(answer));
    }

    [Fact]
    public async Task The_app_id_is_told_to_who_asks_which_services_there_are()
    {
        await using var resolver = await AnnouncedAsync();
        var answer = Assert.Single(Ask("_services._dns-sd._udp", DnsType.Ptr));
        Assert.Equal(["Answer _services._dns-sd._udp.local. Ptr IN 3200 orders.local."], DnsText.Lines(answer));
    }

    [Fact]
    public async Task An_IPv6_address_is_announced_as_such()
    {
        await using var resolver = await AnnouncedAsync("fd00::7");
        Assert.Equal($"Additional {Host}.local. Aaaa IN 120 fd00::7", DnsText.Lines(Assert.Single(Ask("orders", DnsType.Ptr)))[^1]);
    }

    [Theory]
    [InlineData("Orders")]
    [InlineData("order")]
    [InlineData("x.orders")]
    public async Task A_question_for_another_name_is_not_answered(string name)
    {
        await using var resolver = await AnnouncedAsync();
        Assert.Empty(Ask(name, DnsType.Ptr));
    }

    [Fact]
    public async Task An_asker_that_knows_the_instance_is_not_told_again_but_for_an_old_answer()
    {
        await using var resolver = await AnnouncedAsync();
        Assert.Empty(Ask("orders", DnsType.Ptr, knownTtl: 1600));
        Assert.Single(Ask("orders", DnsType.Ptr, knownTtl: 1599));
    }

    [Fact]
    public async Task An_asker_that_wants_the_answer_alone_gets_it_alone_with_its_number()
    {
        await using var resolver = await AnnouncedAsync();
        Assert.Empty(Ask("orders", DnsType.Ptr, @class: DnsFormat.Internet | DnsFormat.WantsUnicast, id: 4711));
        Assert.True(DnsMessageReader.TryOpen(Assert.Single(group.Unicasts), out var reader));
        Assert.Equal((4711, 1), (reader.Id, reader.RecordCount(DnsSection.Answer)));
    }

    [Fact]
    public async Task A_probe_of_somebody_else_is_not_answered()
    {
        await using var resolver = await AnnouncedAsync();
        var probe = new DnsMessageWriter(new byte[512], 0);
        probe.TryAddQuestion(Name("orders"), DnsType.Ptr);
        probe.TryAddService(DnsSection.Authority, Name("x.orders"), 1, 1, Name("x"));
        Assert.Empty(Answers(probe.Message));
    }

    [Fact]
    public async Task A_flood_of_questions_does_not_become_a_flood_of_answers()
    {
        await using var resolver = await AnnouncedAsync();
        var question = new DnsMessageWriter(new byte[9000], 0);
        while (question.TryAddQuestion(Name("orders"), DnsType.Ptr))
        {
        }

        var answers = Answers(question.Message).Length;
        Assert.InRange(answers, 100, 250);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single(Ask("orders", DnsType.Ptr));
    }

    [Fact]
    public async Task A_sidecar_that_ends_takes_everything_back()
    {
        var resolver = await AnnouncedAsync();
        await resolver.DisposeAsync();
        Assert.Equal(Everything(0, 0), DnsText.Lines(group.Sent.Last()));
    }

    [Fact]
    public async Task A_sidecar_announces_itself_anew_on_a_network_that_comes_up()
    {
        var member = group.Join();
        await using var resolver = await AnnouncedAsync(member: member);
        await Advance.UntilAsync(time, TimeSpan.FromMilliseconds(50), () => group.Sent.Count >= 4, "the announcements of the start");
        member.ComeBack();
        Assert.Equal(5, group.Sent.Count);
        Assert.Equal(Everything(3200, 120), DnsText.Lines(group.Sent.Last()));
    }

    [Fact]
    public async Task An_app_id_with_dots_becomes_a_name_with_as_many_labels()
    {
        await using var resolver = await AnnouncedAsync(appId: "orders.eu");
        Assert.StartsWith("Answer orders.eu.local. Ptr", DnsText.Lines(Assert.Single(Ask("orders.eu", DnsType.Ptr)))[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_whose_name_fits_no_label_is_announced_under_a_cut_one()
    {
        var announcement = MdnsAnnouncement.TryCreate(Self("orders"), new string('h', 64), 4194304);
        Assert.NotNull(announcement);
        Assert.Equal(new string('h', 55) + ":4194304.orders.local.", announcement.Instance.ToString());
    }

    [Fact]
    public async Task An_app_id_that_is_no_name_is_told_in_the_log()
    {
        RecordingLogger logger = new();
        await using MdnsNameResolver resolver = new(_ => group.Join());
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns", logger: logger, time: time), TestContext.Current.CancellationToken);
        await resolver.AnnounceAsync(Self("a..b"), TestContext.Current.CancellationToken);
        Assert.Contains(logger.Lines, l => l.Text.Contains("a..b is no domain name", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", 50002, "name is missing")]
    [InlineData("a", 0, "port is missing or invalid")]
    [InlineData("a", 65536, "port is missing or invalid")]
    public async Task An_announcement_without_a_name_or_port_is_refused(string appId, int port, string problem)
    {
        await using MdnsNameResolver resolver = new(_ => group.Join());
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns", time: time), TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => resolver.AnnounceAsync(Self(appId) with { InternalPort = port }, TestContext.Current.CancellationToken));
        Assert.Equal(problem, error.Message);
    }

    [Fact]
    public async Task A_second_announcement_is_refused()
    {
        await using var resolver = await AnnouncedAsync();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => resolver.AnnounceAsync(Self("orders"), TestContext.Current.CancellationToken));
        Assert.Equal("app id orders already registered for port 50002", error.Message);
    }

    private static string[] Everything(uint serviceTtl, uint hostTtl) =>
    [
        $"Answer {Instance} Srv IN+ {serviceTtl} {Host}.local.:50002",
        $"Answer {Instance} Txt IN+ {serviceTtl} \"orders\"",
        $"Answer orders.local. Ptr IN {serviceTtl} {Instance}",
        $"Answer _services._dns-sd._udp.local. Ptr IN {serviceTtl} orders.local.",
        $"Answer {Host}.local. A IN+ {hostTtl} 192.168.7.9",
    ];

    private static Announcement Self(string appId, string address = "192.168.7.9")
        => new(appId, "default", IPAddress.Parse(address), 50002, 3500, 80);

    private static DnsName Name(string text)
    {
        Assert.True(DnsName.TryJoin(text, DnsName.Local, out var name));
        return name;
    }

    private async Task<MdnsNameResolver> AnnouncedAsync(string address = "192.168.7.9", string appId = "orders", GroupInMemory.Member? member = null)
    {
        MdnsNameResolver resolver = new(_ => member ?? group.Join());
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns", time: time), TestContext.Current.CancellationToken);
        await resolver.AnnounceAsync(Self(appId, address), TestContext.Current.CancellationToken);
        return resolver;
    }

    private byte[][] Ask(string name, DnsType type, ushort @class = DnsFormat.Internet, ushort id = 0, uint knownTtl = 0)
    {
        var query = new DnsMessageWriter(new byte[512], 0, id);
        query.TryAddQuestion(Name(name), type, @class);
        if (knownTtl > 0)
        {
            query.TryAddPointer(DnsSection.Answer, Name(name), knownTtl, Name($"{Host}:{Environment.ProcessId}.{name}"));
        }

        return Answers(query.Message);
    }

    private byte[][] Answers(ReadOnlySpan<byte> query)
    {
        var before = group.Sent.Count + 1;
        group.Say(query);
        return [.. group.Sent.Skip(before)];
    }
}
