using DaprK8s.Common.Kubernetes;
using DaprK8s.KubernetesApi;
using Microsoft.Extensions.Time.Testing;

namespace DaprK8s.Kubernetes.Tests.Client;

public sealed class KubernetesConnectionTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dapr-kube-");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Delete(true);

    [Fact]
    public async Task A_pod_finds_its_cluster_and_takes_up_a_replaced_token()
    {
        await using var server = await KubernetesApiServer.StartAsync();
        server.Objects.AddNamespace("apps");
        server.Tokens.Add("token-1", "system:serviceaccount:apps:default");
        Write("token", "token-1\n");
        Write("ca.crt", server.AuthorityPem);
        Write("namespace", "apps");
        var clock = new FakeTimeProvider();
        using var client = new KubernetesClient(InPod(server, clock)!, clock);
        Assert.Equal("apps", client.Namespace);
        await client.GetMetadataAsync(ApiResources.MetadataOf("namespaces"), null, "apps", Stop);

        server.Tokens.Revoke("token-1");
        server.Tokens.Add("token-2", "system:serviceaccount:apps:default");
        Write("token", "token-2");
        await Assert.ThrowsAsync<KubernetesException>(() => client.GetMetadataAsync(ApiResources.MetadataOf("namespaces"), null, "apps", Stop));

        clock.Advance(TimeSpan.FromMinutes(1));
        await client.GetMetadataAsync(ApiResources.MetadataOf("namespaces"), null, "apps", Stop);
    }

    [Fact]
    public void A_process_outside_of_a_pod_has_no_cluster_of_its_own()
    {
        Assert.Null(InCluster.Find(directory.FullName, _ => "10.0.0.1", TimeProvider.System));
        Write("token", "t");
        Assert.Null(InCluster.Find(directory.FullName, _ => null, TimeProvider.System));
    }

    [Fact]
    public void A_pod_without_the_authority_says_so()
    {
        Write("token", "t");
        var error = Assert.Throws<KubernetesConfigurationException>(() => InCluster.Find(directory.FullName, _ => "443", TimeProvider.System));
        Assert.Contains(Path.Combine(directory.FullName, "ca.crt"), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_IPv6_cluster_address_works()
    {
        Write("token", "t");
        using var authority = new KubernetesApi.Access.TestAuthority();
        Write("ca.crt", authority.RootPem);
        using var found = InCluster.Find(directory.FullName, n => n == "KUBERNETES_SERVICE_HOST" ? "fd00::1" : "6443", TimeProvider.System);
        Assert.Equal(new Uri("https://[fd00::1]:6443"), found!.Server);
    }

    [Theory]
    [InlineData("missing", null)]
    [InlineData("broken", "{{{")]
    [InlineData("without-context", "apiVersion: v1\nkind: Config\n")]
    public void A_kubeconfig_file_that_is_no_use_is_named(string name, string? content)
    {
        var path = content is null ? Path.Combine(directory.FullName, name) : Write(name, content);
        var error = Assert.Throws<KubernetesConfigurationException>(() => KubernetesConnection.Find(path, TimeProvider.System));
        Assert.StartsWith($"kubeconfig {path} is not usable: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_variable_goes_before_the_pod_and_the_flag_before_the_variable()
    {
        await using var one = await KubernetesApiServer.StartAsync();
        await using var two = await KubernetesApiServer.StartAsync();
        var first = Path.Combine(directory.FullName, "one");
        var second = Path.Combine(directory.FullName, "two");
        one.WriteKubeConfig(first);
        two.WriteKubeConfig(second);
        Environment.SetEnvironmentVariable("KUBECONFIG", second);
        try
        {
            using var byVariable = KubernetesConnection.Find(null, TimeProvider.System);
            using var byFlag = KubernetesConnection.Find(first, TimeProvider.System);
            Assert.Equal(two.Address, byVariable.Server);
            Assert.Equal(one.Address, byFlag.Server);
        }
        finally
        {
            Environment.SetEnvironmentVariable("KUBECONFIG", null);
        }
    }

    private KubernetesConnection? InPod(KubernetesApiServer server, TimeProvider clock) => InCluster.Find(
        directory.FullName,
        name => name == "KUBERNETES_SERVICE_HOST" ? server.Address.Host : $"{server.Address.Port}",
        clock);

    private string Write(string name, string content)
    {
        var path = Path.Combine(directory.FullName, name);
        File.WriteAllText(path, content);
        return path;
    }
}
