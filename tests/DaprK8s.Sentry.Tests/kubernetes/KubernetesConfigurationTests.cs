using System.Text.Json.Nodes;
using DaprK8s.Sentry.Kubernetes;
using DaprK8s.Sentry.Server;

namespace DaprK8s.Sentry.Tests.Kubernetes;

public sealed class KubernetesConfigurationTests
{
    private const string Prefix = "loading default config. couldn't find config name \"daprsystem\": ";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_read_from_our_own_namespace_and_no_other()
    {
        await using var cluster = await SentryCluster.StartAsync();
        cluster.PutConfiguration("default", "daprsystem", new JsonObject { ["mtls"] = new JsonObject { ["enabled"] = true, ["workloadCertTTL"] = "1s" } });
        Assert.Equal(
            Prefix + "cannot get configurations.dapr.io: configurations.dapr.io \"daprsystem\" not found", await RefusalAsync(cluster, SentryCluster.Namespace));

        cluster.PutConfiguration(SentryCluster.Namespace, "daprsystem", new JsonObject { ["mtls"] = new JsonObject { ["enabled"] = true, ["workloadCertTTL"] = "2h" } });
        Assert.Equal("2h", (await KubernetesConfiguration.LoadAsync(cluster.Client, "daprsystem", SentryCluster.Namespace, Stop))?.WorkloadCertTTL);
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        await using var cluster = await SentryCluster.StartAsync();
        Assert.Equal(Prefix + "'NAMESPACE' environment variable not set", await RefusalAsync(cluster, null));
        Assert.Equal(Prefix + "'NAMESPACE' environment variable is empty", await RefusalAsync(cluster, ""));
        cluster.Server.Types.Withdraw("configurations.dapr.io");
        Assert.Equal(Prefix + "config CRD not found", await RefusalAsync(cluster, SentryCluster.Namespace));
    }

    private static async Task<string> RefusalAsync(SentryCluster cluster, string? @namespace)
        => (await Assert.ThrowsAsync<ConfigurationException>(() => KubernetesConfiguration.LoadAsync(cluster.Client, "daprsystem", @namespace, Stop))).Message;
}
