using System.Net;
using DaprK8s.Components.NameResolution;
using DaprK8s.Components.Tests.Support;

namespace DaprK8s.Components.Tests.NameResolution;

public sealed class LocalFirstResolverTests : IAsyncDisposable
{
    private readonly string runtime = Directory.CreateTempSubdirectory("daprk8s-registry-").FullName;
    private readonly GroupInMemory group = new();
    private readonly List<LocalFirstResolver> resolvers = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var resolver in resolvers)
        {
            await resolver.DisposeAsync();
        }

        Directory.Delete(runtime, recursive: true);
    }

    [Fact]
    public async Task An_app_of_this_machine_is_found_without_the_network()
    {
        var cut = group.Join();
        cut.IsCut = true;
        await SidecarAsync("orders", "10.1.0.1", member: cut);
        var caller = await SidecarAsync("shop", "10.1.0.2");
        var answer = caller.ResolveAsync("orders", "any", 0, TestContext.Current.CancellationToken);
        Assert.True(answer.IsCompletedSuccessfully, "a local peer was waited for");
        Assert.Equal(["10.1.0.1:50001"], await answer);
    }

    [Fact]
    public async Task An_app_with_instances_here_and_elsewhere_is_called_here()
    {
        await SidecarAsync("orders", "10.1.0.1");
        await SidecarAsync("orders", "10.1.0.3", localRegistry: false);
        var caller = await SidecarAsync("shop", "10.1.0.2");
        Assert.Equal(["10.1.0.1:50001"], await caller.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_app_of_another_machine_is_found_by_multicast()
    {
        await SidecarAsync("orders", "10.1.0.3", localRegistry: false);
        var caller = await SidecarAsync("shop", "10.1.0.2");
        Assert.Equal(["10.1.0.3:50001"], await caller.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_registry_can_be_turned_off()
    {
        var cut = group.Join();
        cut.IsCut = true;
        await SidecarAsync("orders", "10.1.0.1", member: cut);
        var caller = await SidecarAsync("shop", "10.1.0.2", localRegistry: false);
        Assert.Empty(await caller.ResolveAsync("orders", "", 0, TestContext.Current.CancellationToken));
        Assert.Equal("mdns (waited 1s)", caller.SearchedPlaces);
        Assert.False(Directory.Exists(Path.Combine(runtime, "dapr-k8s", "peers", "shop")));
    }

    [Fact]
    public async Task A_not_found_error_can_tell_where_was_looked_and_who_was_seen()
    {
        var cut = group.Join();
        cut.IsCut = true;
        await SidecarAsync("orders", "10.1.0.1", member: cut);
        await SidecarAsync("stock", "10.1.0.3", localRegistry: false);
        INameResolver caller = await SidecarAsync("shop", "10.1.0.2");
        Assert.Empty(await caller.ResolveAsync("oders", "", 0, TestContext.Current.CancellationToken));
        Assert.Equal($"mdns (waited 1s), local registry {runtime}/dapr-k8s", caller.SearchedPlaces);
        Assert.Equal(["orders", "shop", "stock"], caller.SeenAppIds);
    }

    [Fact]
    public void The_catalogue_has_it_as_mdns()
    {
        Assert.True(ProviderCatalog.TryFind("nameresolution.mdns", "", out var entry));
        var descriptor = entry.Describe();
        Assert.IsType<LocalFirstResolver>(descriptor.Create());
        Assert.Equal(["localRegistry", "interfaces"], descriptor.Fields.Select(f => f.Name));
    }

    private async Task<LocalFirstResolver> SidecarAsync(
        string appId, string address, bool localRegistry = true, GroupInMemory.Member? member = null)
    {
        LocalFirstResolver resolver = new(_ => member ?? group.Join(), runtime);
        resolvers.Add(resolver);
        Dictionary<string, string> settings = localRegistry ? [] : new() { ["localRegistry"] = "false" };
        await resolver.InitAsync(ComponentUnderTest.Context("nameresolution.mdns", settings), TestContext.Current.CancellationToken);
        await resolver.AnnounceAsync(
            new Announcement(appId, "", IPAddress.Parse(address), 50001, 3500, 0), TestContext.Current.CancellationToken);
        return resolver;
    }
}
