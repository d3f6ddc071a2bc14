using System.Net;
using DaprK8s.Components.NameResolution.Mdns;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>How sidecars find each other once messages get through.</summary>
public sealed class MdnsNameResolverTests : IAsyncDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly GroupInMemory group = new();
    private readonly List<MdnsNameResolver> resolvers = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var resolver in resolvers)
        {
            await resolver.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_sidecar_that_came_earlier_is_found()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001);
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task A_sidecar_finds_itself()
    {
        var self = await SidecarAsync("orders", "10.1.0.1", 50001);
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(self, "orders"));
    }

    [Fact]
    public async Task All_instances_are_returned()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        await SidecarAsync("orders", "10.1.0.1", 50002);
        await SidecarAsync("orders", "fd00::9", 50001);
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001);

        // The first answer ends the first lookup; those of the other instances arrive behind it.
        await Eventually.TrueAsync(async () => (await ResolveAsync(caller, "orders")).Count == 3, "three instances are known");
        var all = await ResolveAsync(caller, "orders");
        Assert.Equal(["10.1.0.1:50001", "10.1.0.1:50002", "[fd00::9]:50001"], all.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Looking_up_what_is_known_asks_nobody_and_returns_the_same_list()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001);
        await ResolveAsync(caller, "orders");
        await SettleAsync();
        var asked = group.Sent.Count;
        var first = await ResolveAsync(caller, "orders");
        Assert.Same(first, await ResolveAsync(caller, "orders"));
        Assert.Equal(asked, group.Sent.Count);
    }

    [Fact]
    public async Task An_unknown_app_id_is_given_up_after_a_second()
    {
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001);
        var began = time.GetUtcNow();
        Assert.Empty(await ResolveAsync(caller, "orders"));
        Assert.InRange(time.GetUtcNow() - began, TimeSpan.FromMilliseconds(950), TimeSpan.FromMilliseconds(1100));
    }

    [Fact]
    public async Task Callers_that_wait_for_one_app_id_share_a_browse()
    {
        var member = group.Join();
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001, member);
        await SettleAsync();
        var before = group.Sent.Count;
        var waiting = Enumerable.Range(0, 20).Select(_ => Ask(caller, "orders").AsTask()).ToArray();
        await Advance.UntilDoneAsync(time, Task.WhenAll(waiting), "twenty callers to give up");
        var questions = group.Sent.Skip(before).Select(DnsText.Lines).Where(l => l[0] == "? orders.local. Ptr IN").ToArray();

        // The question and its repetition halfway.
        Assert.Equal(2, questions.Length);
    }

    [Fact]
    public async Task A_caller_that_gives_up_does_not_take_the_answer_from_the_others()
    {
        var caller = await SidecarAsync("shop", "10.1.0.2", 50001);
        using CancellationTokenSource impatient = new();
        var first = caller.ResolveAsync("orders", "", 0, impatient.Token).AsTask();
        var second = Ask(caller, "orders").AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await SidecarAsync("orders", "10.1.0.1", 50001);
        Assert.Equal(["10.1.0.1:50001"], await Advance.UntilDoneAsync(time, second, "the second caller to be answered"));
    }

    [Fact]
    public async Task A_lost_question_is_made_good_by_its_repetition()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        await SettleAsync();
        var caller = await ListenerAsync();
        group.Losing = 1;
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task An_instance_that_says_goodbye_is_forgotten_at_once_and_the_others_stay()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var leaving = await SidecarAsync("orders", "10.1.0.3", 50001);
        var caller = await ListenerAsync();
        await ResolveAsync(caller, "orders");
        Assert.Equal(2, (await ResolveAsync(caller, "orders")).Count);
        await EndAsync(leaving);
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task An_instance_that_was_not_seen_for_a_minute_is_forgotten()
    {
        var member = group.Join();
        await SidecarAsync("orders", "10.1.0.1", 50001, member);
        var caller = await ListenerAsync();
        await ResolveAsync(caller, "orders");
        await SettleAsync();
        member.IsCut = true;
        time.Advance(TimeSpan.FromSeconds(57));
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Empty(await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task An_app_id_in_use_stays_known_without_being_browsed_again()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var caller = await ListenerAsync();
        await ResolveAsync(caller, "orders");
        for (var i = 0; i < 10; i++)
        {
            time.Advance(TimeSpan.FromSeconds(30));
            var answer = Ask(caller, "orders");
            Assert.True(answer.IsCompletedSuccessfully, "an app id in use had to be browsed again");
            Assert.Equal(["10.1.0.1:50001"], await answer);
        }
    }

    [Fact]
    public async Task Nothing_is_asked_once_nobody_wants_to_know()
    {
        var member = group.Join();
        await SidecarAsync("orders", "10.1.0.1", 50001, member);
        var caller = await ListenerAsync();
        await ResolveAsync(caller, "orders");
        await SettleAsync();
        time.Advance(TimeSpan.FromMinutes(12));
        var quiet = group.Sent.Count;
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(quiet, group.Sent.Count);
    }

    [Fact]
    public async Task An_announcement_that_nobody_asked_for_is_heard()
    {
        var caller = await ListenerAsync();
        await SidecarAsync("orders", "10.1.0.1", 50001);
        await SettleAsync();
        Assert.True(Ask(caller, "orders").IsCompletedSuccessfully, "an announced sidecar had to be browsed for");
    }

    [Fact]
    public async Task Who_was_seen_is_known_after_a_failed_browse()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        await SidecarAsync("stock", "10.1.0.2", 50001);
        await SettleAsync();
        time.Advance(TimeSpan.FromMinutes(5));
        var caller = await ListenerAsync();
        Assert.Empty(await ResolveAsync(caller, "oders"));
        Assert.Equal(["orders", "stock"], caller.SeenAppIds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a..b")]
    public async Task A_name_that_nobody_can_have_is_not_asked_for(string appId)
    {
        var caller = await ListenerAsync();
        var answer = Ask(caller, appId);
        Assert.True(answer.IsCompletedSuccessfully);
        Assert.Empty(await answer);
        Assert.Empty(group.Sent);
    }

    [Theory]
    [InlineData("another text", "stock", 50001, "10.1.0.1")]
    [InlineData("no port", "orders", 0, "10.1.0.1")]
    [InlineData("somebody else's loopback", "orders", 50001, "127.0.0.1")]
    [InlineData("no address at all", "orders", 50001, "0.0.0.0")]
    [InlineData("a group for an address", "orders", 50001, "224.0.0.251")]
    [InlineData("everybody for an address", "orders", 50001, "255.255.255.255")]
    public async Task An_answer_does_not_count_that_has(string what, string text, int port, string address)
    {
        var caller = await ListenerAsync();
        var answer = new DnsMessageWriter(new byte[512], DnsFormat.Response);
        answer.TryAddPointer(DnsSection.Answer, Name("orders"), 3200, Name("x:1.orders"));
        answer.TryAddService(DnsSection.Additional, Name("x:1.orders"), 3200, (ushort)port, Name("x"));
        answer.TryAddText(DnsSection.Additional, Name("x:1.orders"), 3200, System.Text.Encoding.UTF8.GetBytes(text));
        answer.TryAddAddress(DnsSection.Additional, Name("x"), 120, IPAddress.Parse(address));
        group.Say(answer.Message);
        Assert.False(Ask(caller, "orders").IsCompleted, $"an answer with {what} was taken");
        Assert.Empty(caller.SeenAppIds);
    }

    [Fact]
    public async Task An_answer_as_the_reference_sends_it_is_understood()
    {
        // Written by hand after RFC 1035: the owner's names compressed, the target of SRV not, both address families.
        byte[] answer =
        [
            0x12, 0x34, 0x84, 0x00, 0, 0, 0, 1, 0, 0, 0, 4,
            6, .. "orders"u8, 5, .. "local"u8, 0, 0, 12, 0, 1, 0, 0, 0x0c, 0x80, 0, 8, 5, .. "pc:42"u8, 0xc0, 12,
            0xc0, 36, 0, 33, 0, 1, 0, 0, 0x0c, 0x80, 0, 16, 0, 0, 0, 0, 0xc3, 0x52, 2, .. "pc"u8, 5, .. "local"u8, 0,
            0xc0, 36, 0, 16, 0, 1, 0, 0, 0x0c, 0x80, 0, 7, 6, .. "orders"u8,
            2, .. "pc"u8, 0xc0, 19, 0, 28, 0, 1, 0, 0, 0, 120, 0, 16, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
            2, .. "pc"u8, 0xc0, 19, 0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 10, 9, 8, 7,
        ];
        var caller = await ListenerAsync();
        group.Say(answer);
        Assert.Equal(["10.9.8.7:50002"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task A_link_local_address_tells_the_interface_to_reach_it_by()
    {
        await SidecarAsync("orders", "fe80::5", 50001);
        var caller = await ListenerAsync();
        Assert.Equal(["[fe80::5%1]:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task Garbage_on_the_network_leaves_everything_as_it_was()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var caller = await ListenerAsync();
        for (var seed = 0; seed < 500; seed++)
        {
            var garbage = new byte[seed];
            new Random(seed).NextBytes(garbage);
            group.Say(garbage);
        }

        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task Thousands_of_invented_app_ids_do_not_push_out_a_real_one()
    {
        await SidecarAsync("orders", "10.1.0.1", 50001);
        var caller = await ListenerAsync();
        for (var i = 0; i < 5000; i++)
        {
            var answer = new DnsMessageWriter(new byte[512], DnsFormat.Response);
            answer.TryAddService(DnsSection.Answer, Name($"x.fake-{i}"), 3200, 1, Name("x"));
            answer.TryAddText(DnsSection.Answer, Name($"x.fake-{i}"), 3200, System.Text.Encoding.UTF8.GetBytes($"fake-{i}"));
            answer.TryAddAddress(DnsSection.Answer, Name("x"), 120, IPAddress.Parse("10.1.0.66"));
            group.Say(answer.Message);
        }

        Assert.InRange(caller.SeenAppIds.Count, 1, 2048);
        Assert.Equal(["10.1.0.1:50001"], await ResolveAsync(caller, "orders"));
    }

    [Fact]
    public async Task A_resolver_that_is_disposed_lets_its_waiting_callers_go()
    {
        var caller = await ListenerAsync();
        var waiting = Ask(caller, "orders").AsTask();
        await EndAsync(caller);
        Assert.Empty(await waiting.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    private static DnsName Name(string text)
    {
        Assert.True(DnsName.TryJoin(text, DnsName.Local, out var name));
        return name;
    }

    private static ValueTask<IReadOnlyList<string>> Ask(MdnsNameResolver resolver, string appId)
        => resolver.ResolveAsync(appId, "", 0, TestContext.Current.CancellationToken);

    private Task<MdnsNameResolver> ListenerAsync() => StartAsync(group.Join());

    private async Task<MdnsNameResolver> SidecarAsync(string appId, string address, int port, GroupInMemory.Member? member = null)
    {
        var resolver = await StartAsync(member ?? group.Join());
        await resolver.AnnounceAsync(new Announcement(appId, "", IPAddress.Parse(address), port, 3500, 0), TestContext.Current.CancellationToken);
        return resolver;
    }

    private async Task<MdnsNameResolver> StartAsync(GroupInMemory.Member member)
    {
        MdnsNameResolver resolver = new(_ => member);
        resolvers.Add(resolver);
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns", time: time), TestContext.Current.CancellationToken);
        return resolver;
    }

    private Task<IReadOnlyList<string>> ResolveAsync(MdnsNameResolver resolver, string appId)
        => Advance.UntilDoneAsync(time, Ask(resolver, appId).AsTask(), $"an answer about {appId}");

    private async Task EndAsync(MdnsNameResolver resolver)
    {
        resolvers.Remove(resolver);
        await resolver.DisposeAsync();
    }

    /// <summary>Lets announcements and browses that are under way come to their end.</summary>
    private async Task SettleAsync()
    {
        var quietSteps = 0;
        var count = group.Sent.Count;
        await Advance.UntilAsync(
            time,
            TimeSpan.FromMilliseconds(100),
            () =>
            {
                quietSteps = group.Sent.Count == count ? quietSteps + 1 : 0;
                count = group.Sent.Count;
                return quietSteps > 30;
            },
            "the network to fall silent");
    }
}
