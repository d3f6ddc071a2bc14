using System.Globalization;
using System.Net;
using DaprK8s.Components.NameResolution.Mdns;
using DaprK8s.Components.Tests.Support;
using DaprK8s.TestServers;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>
/// Resolvers over real sockets, on the loopback interface so that nothing leaves the machine. Where the kernel carries no
/// multicast there, the same tests run over unicast between the sockets of the members.
/// </summary>
public class MulticastTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Two_resolvers_of_one_process_find_each_other()
    {
        var sockets = await SocketGroup.CreateAsync(members: 2);
        await using var orders = await StartAsync(sockets, 0, "orders", 50001);
        await using var shop = await StartAsync(sockets, 1, "shop", 50002);
        await FindsAsync(shop, "orders", "127.0.0.1:50001");
        await FindsAsync(orders, "shop", "127.0.0.1:50002");
    }

    [Fact]
    public async Task Resolvers_of_two_processes_find_each_other_until_one_says_goodbye()
    {
        var sockets = await SocketGroup.CreateAsync(members: 2);
        await using var shop = await StartAsync(sockets, 0, "shop", 50002);
        await using var peer = await ChildProcess.StartAsync(
            Path.ChangeExtension(typeof(MulticastTests).Assembly.Location, null),
            [],
            new Dictionary<string, string> { ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location, [StartupHook.PeerVariable] = sockets.Describe(member: 1) });
        await Eventually.TrueAsync(
            async () => peer.HasExited || (await shop.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken)).Count > 0,
            "the sidecar of the other process is found");
        Assert.False(peer.HasExited, peer.Output);
        await Eventually.TrueAsync(() => peer.Output.Contains("shop at 127.0.0.1:50002", StringComparison.Ordinal), "the other process finds this one");

        await peer.ShutDownAsync(Patience);
        Assert.Equal(0, peer.ExitCode);
        await Eventually.TrueAsync(
            async () => (await shop.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken)).Count == 0, "the goodbye is heard");
    }

    [Fact]
    public async Task A_resolver_comes_up_on_the_port_of_multicast_DNS_beside_others_that_hold_it()
    {
        await using var first = await OnRealPortAsync();
        await using var second = await OnRealPortAsync();
        Assert.Empty(await first.ResolveAsync("nobody-has-this-app-id", "", 0, TestContext.Current.CancellationToken));
        Assert.Empty(await second.ResolveAsync("nobody-has-this-app-id", "", 0, TestContext.Current.CancellationToken));

        static async Task<INameResolver> OnRealPortAsync()
            => await ComponentUnderTest.StartAsync<INameResolver>(
                "nameresolution.mdns", new Dictionary<string, string> { ["interfaces"] = SocketGroup.LoopbackName(), ["localRegistry"] = "false" });
    }

    [Fact]
    public async Task A_machine_without_any_network_only_finds_nobody()
    {
        RecordingLogger logger = new();
        await using var resolver = await ComponentUnderTest.StartAsync<INameResolver>(
            "nameresolution.mdns", new Dictionary<string, string> { ["interfaces"] = "no-such-interface", ["localRegistry"] = "false" }, logger: logger);
        await resolver.AnnounceAsync(Self("orders", 50001), TestContext.Current.CancellationToken);
        Assert.Empty(await resolver.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken));
        Assert.Contains(logger.Lines, l => l.Text.Contains("neither IPv4 nor IPv6 multicast is available", StringComparison.Ordinal));
    }

    internal static async Task<MdnsNameResolver> StartAsync(SocketGroup sockets, int member, string appId, int port)
    {
        MdnsNameResolver resolver = new(context => sockets.Open(member, context));
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns"), CancellationToken.None);
        await resolver.AnnounceAsync(Self(appId, port), CancellationToken.None);
        return resolver;
    }

    private static Announcement Self(string appId, int port) => new(appId, "", IPAddress.Loopback, port, 3500, 0);

    private static async Task FindsAsync(MdnsNameResolver resolver, string appId, string address)
    {
        IReadOnlyList<string> found = [];
        await Eventually.TrueAsync(
            async () => (found = await resolver.ResolveAsync(appId, "", 0, TestContext.Current.CancellationToken)).Count > 0,
            string.Create(CultureInfo.InvariantCulture, $"{appId} is found"));
        Assert.Equal([address], found);
    }
}
