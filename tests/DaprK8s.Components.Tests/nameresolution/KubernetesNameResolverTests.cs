using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using DaprK8s.Components.Metadata;
using DaprK8s.Components.NameResolution.Kubernetes;
using DaprK8s.Components.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Components.Tests.NameResolution;

/// <summary>Sidecars found through the DNS names of their Services.</summary>
public sealed class KubernetesNameResolverTests
{
    private readonly ConcurrentDictionary<string, IPAddress[]> zone = new();
    private readonly ConcurrentQueue<string> asked = new();
    private readonly FakeTimeProvider time = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_name_of_an_app_is_that_of_its_headless_Service_and_each_address_is_an_instance()
    {
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.1", "10.0.0.2");
        await using var resolver = await StartAsync();

        Assert.Equal(["10.0.0.1:50002", "10.0.0.2:50002"], (await resolver.ResolveAsync("orders", "apps", 50002, Cancel)).Order());
    }

    [Fact]
    public async Task A_target_of_another_namespace_and_another_cluster_domain_are_looked_for_there()
    {
        Put("orders-dapr.elsewhere.svc.corp.example", "10.0.0.9");
        await using var resolver = await StartAsync(("clusterDomain", "corp.example"));

        Assert.Equal(["10.0.0.9:3000"], await resolver.ResolveAsync("orders", "elsewhere", 3000, Cancel));
    }

    [Fact]
    public async Task Of_two_address_families_one_is_used()
    {
        Put("both-dapr.apps.svc.cluster.local", "fd00::1", "10.0.0.1");
        Put("six-dapr.apps.svc.cluster.local", "fd00::1", "fd00::2");
        await using var resolver = await StartAsync();

        Assert.Equal(["10.0.0.1:1"], await resolver.ResolveAsync("both", "apps", 1, Cancel));
        Assert.Equal(["[fd00::1]:1", "[fd00::2]:1"], (await resolver.ResolveAsync("six", "apps", 1, Cancel)).Order());
    }

    [Theory]
    [InlineData("{{.ID}}-sidecar.{{.Namespace}}.example:{{.Port}}", "orders-sidecar.apps.example", "10.0.0.1:50002")]
    [InlineData("{{ .ID }}.{{- \" \" | ignored -}}", null, null)]
    [InlineData("{{.ID}}.example", "orders.example", "10.0.0.1:50002")]
    [InlineData("{{.ID}}.example:7000{{/* the same port everywhere */}}", "orders.example", "10.0.0.1:7000")]
    [InlineData("{{.ID -}} \n .example", "orders.example", "10.0.0.1:50002")]
    [InlineData("{{if .ID}}x{{end}}", null, null)]
    [InlineData("{{.Unknown}}", null, null)]
    [InlineData("{{.ID", null, null)]
    public async Task A_template_gives_the_address(string template, string? host, string? address)
    {
        if (host is null)
        {
            var e = await Assert.ThrowsAsync<ComponentMetadataException>(() => StartAsync(("template", template)));
            Assert.Contains("{{.ID}}, {{.Namespace}}, {{.Port}}", e.Message, StringComparison.Ordinal);
            return;
        }

        Put(host, "10.0.0.1");
        await using var resolver = await StartAsync(("template", template));
        Assert.Equal([address!], await resolver.ResolveAsync("orders", "apps", 50002, Cancel));
    }

    [Theory]
    [InlineData("127.0.0.1:{{.Port}}", "127.0.0.1:50002")]
    [InlineData("[::1]:{{.Port}}", "[::1]:50002")]
    [InlineData("::1", "[::1]:50002")]
    public async Task An_address_in_a_template_needs_no_DNS(string template, string address)
    {
        await using var resolver = await StartAsync(("template", template));

        Assert.Equal([address], await resolver.ResolveAsync("orders", "apps", 50002, Cancel));
        Assert.Empty(asked);
    }

    [Fact]
    public async Task A_name_that_is_not_there_is_an_error_that_names_it()
    {
        await using var resolver = await StartAsync();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(async () => await resolver.ResolveAsync("absent", "apps", 1, Cancel));

        Assert.StartsWith("failed to resolve address for 'absent-dapr.apps.svc.cluster.local': ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_within_a_few_seconds_share_a_look_and_later_ones_do_not_wait_for_the_next()
    {
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.1");
        await using var resolver = await StartAsync();
        for (var i = 0; i < 100; i++)
        {
            await resolver.ResolveAsync("orders", "apps", 1, Cancel);
        }

        Assert.Single(asked);
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.2", "10.0.0.3");
        time.Advance(DnsName.Fresh);
        Assert.Equal(["10.0.0.1:1"], await resolver.ResolveAsync("orders", "apps", 1, Cancel));
        await Eventually.TrueAsync(
            async () => (await resolver.ResolveAsync("orders", "apps", 1, Cancel)).Order().SequenceEqual(["10.0.0.2:1", "10.0.0.3:1"]),
            "the new pods are known and the old one is not");
        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task What_is_too_old_is_not_given_out()
    {
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.1");
        await using var resolver = await StartAsync();
        await resolver.ResolveAsync("orders", "apps", 1, Cancel);

        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.2");
        time.Advance(DnsName.Stale);

        Assert.Equal(["10.0.0.2:1"], await resolver.ResolveAsync("orders", "apps", 1, Cancel));
    }

    [Fact]
    public async Task An_app_whose_last_pod_is_gone_is_not_found_any_more()
    {
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.1");
        await using var resolver = await StartAsync();
        await resolver.ResolveAsync("orders", "apps", 1, Cancel);

        zone.Clear();
        time.Advance(DnsName.Fresh);
        await Eventually.TrueAsync(
            async () => await Record.ExceptionAsync(async () => await resolver.ResolveAsync("orders", "apps", 1, Cancel)) is InvalidOperationException,
            "the app is gone");
    }

    [Fact]
    public async Task A_DNS_server_that_fails_for_a_moment_takes_nothing_away()
    {
        Put("orders-dapr.apps.svc.cluster.local", "10.0.0.1");
        await using var resolver = await StartAsync();
        await resolver.ResolveAsync("orders", "apps", 1, Cancel);

        zone["orders-dapr.apps.svc.cluster.local"] = [];
        time.Advance(DnsName.Fresh);
        Assert.Equal(["10.0.0.1:1"], await resolver.ResolveAsync("orders", "apps", 1, Cancel));
        await Eventually.TrueAsync(() => asked.Count == 2, "another look was taken");

        Assert.Equal(["10.0.0.1:1"], await resolver.ResolveAsync("orders", "apps", 1, Cancel));
    }

    private void Put(string host, params string[] addresses) => zone[host] = [.. addresses.Select(IPAddress.Parse)];

    private async Task<INameResolver> StartAsync(params (string Name, string Value)[] settings)
    {
        var resolver = new KubernetesNameResolver((host, _) =>
        {
            asked.Enqueue(host);
            return zone.TryGetValue(host, out var found)
                ? found.Length > 0 ? Task.FromResult(found) : Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain))
                : Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));
        });
        await resolver.InitAsync(
            ComponentUnderTest.Context("nameresolution.kubernetes", settings.Select(s => KeyValuePair.Create(s.Name, s.Value)), time: time), Cancel);
        return resolver;
    }
}
