using System.Text.Json.Nodes;
using DaprK8s.Chart.Tests.Rendering;
using DaprK8s.Common.Kubernetes;
using DaprK8s.Operator.Crds;

namespace DaprK8s.Chart.Tests.Cluster;

/// <summary>Custom resource definitions outlive a release, and the next installation finds them (contract: k8s 2.12, 4.1).</summary>
public sealed class ReinstallTests : IAsyncLifetime
{
    private ChartCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ChartCluster.StartAsync();

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task After_an_uninstall_the_chart_can_be_installed_again()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        await cluster.StartOperatorAsync();
        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        await cluster.ReleaseAsync("install", Repository.Chart);
        var bundle = await cluster.StartOperatorAsync();

        Assert.Equal(bundle, Conversion()["caBundle"]!.GetValue<string>());
        Assert.Equal(ChartCluster.Namespace, Conversion()["service"]!["namespace"]!.GetValue<string>());
    }

    [Fact]
    public async Task After_an_upgrade_and_a_rollback_it_can_too_with_other_definitions()
    {
        await cluster.ReleaseAsync("install", OtherVersion("older"));
        await cluster.StartOperatorAsync();
        await cluster.ReleaseAsync("upgrade", Repository.Chart, "--set", "global.tag=next");
        await cluster.StartOperatorAsync();
        await cluster.Helm.RunAsync("rollback", "dapr", "1", "--namespace", ChartCluster.Namespace);
        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        await cluster.ReleaseAsync("install", OtherVersion("newer"));

        Assert.Contains("newer", cluster.Read(ChartCluster.Definitions, "subscriptions.dapr.io", "").ToJsonString());
    }

    [Fact]
    public async Task Where_somebody_applied_the_definitions_as_the_documentation_says_it_can_too()
    {
        const string Command = "apply --server-side --force-conflicts --field-manager=helm -f ";
        Assert.Contains($"`kubectl {Command}crds/`", Repository.Read("docs/kubernetes.md"));
        await cluster.ReleaseAsync("install", OtherVersion("older"));
        await cluster.Kubectl.RunAsync($"{Command}{Repository.Root}/crds/".Split(' '));
        await cluster.StartOperatorAsync();
        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        await cluster.ReleaseAsync("install", OtherVersion("newer"));

        Assert.Contains("newer", cluster.Read(ChartCluster.Definitions, "components.dapr.io", "").ToJsonString());
    }

    [Fact]
    public async Task Where_Helm_3_has_created_the_definitions_it_can_too()
    {
        await cluster.ReleaseAsync("install", OtherVersion("older"), "--server-side=false");
        foreach (var definition in CrdManifests.Read("").Select(d => d["metadata"]!["name"]!.GetValue<string>()))
        {
            // As every API server enters itself when it begins to serve a definition.
            cluster.Server.Objects.Change(ChartCluster.Definitions, "", definition, d => d["metadata"]!["managedFields"]!.AsArray().Add(JsonNode.Parse(
                """{"manager":"kube-apiserver","operation":"Update","apiVersion":"apiextensions.k8s.io/v1","subresource":"status","fieldsType":"FieldsV1","fieldsV1":{"f:status":{}}}""")));
        }

        await cluster.StartOperatorAsync();
        await cluster.ReleaseAsync("upgrade", Repository.Chart);
        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        await cluster.ReleaseAsync("install", OtherVersion("newer"));

        Assert.Contains("newer", cluster.Read(ChartCluster.Definitions, "components.dapr.io", "").ToJsonString());
    }

    [Fact]
    public async Task Where_Daprs_operator_has_entered_itself_it_can_too()
    {
        await cluster.ReleaseAsync("install", Repository.Chart);
        using (var client = cluster.ClientOf("dapr-operator"))
        {
            var patch = JsonNode.Parse("""{"spec":{"conversion":{"webhook":{"clientConfig":{"caBundle":"Q0E=","service":{"namespace":"dapr-system"}}}}}}""")!;
            await client.PatchAsync(ApiResources.CustomResourceDefinitions, null, "subscriptions.dapr.io", PatchKind.Merge, patch, TestContext.Current.CancellationToken, "operator");
        }

        await cluster.StartOperatorAsync();
        await cluster.Helm.RunAsync("uninstall", "dapr", "--namespace", ChartCluster.Namespace);

        await cluster.ReleaseAsync("install", Repository.Chart);

        Assert.Equal("replaceme", Conversion()["service"]!["namespace"]!.GetValue<string>());
    }

    private JsonNode Conversion() => cluster.Read(ChartCluster.Definitions, "subscriptions.dapr.io", "")["spec"]!["conversion"]!["webhook"]!["clientConfig"]!;

    /// <summary>The chart with a word in the definitions that another version doesn't have.</summary>
    private string OtherVersion(string word) => cluster.WriteChart(word,
    [
        .. Directory.GetFiles(Repository.Chart, "*", SearchOption.AllDirectories).Select(f => (
            Path.GetRelativePath(Repository.Chart, f),
            f.Contains("/crds/", StringComparison.Ordinal) ? File.ReadAllText(f).Replace("description: '", $"description: '{word}: ", StringComparison.Ordinal) : File.ReadAllText(f))),
    ]);
}
