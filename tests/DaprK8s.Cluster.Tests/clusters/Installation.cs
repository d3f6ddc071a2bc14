using System.Text.Json;
using DaprK8s.Cluster.Objects;
using DaprK8s.Cluster.Tests.Support;

namespace DaprK8s.Cluster.Tests.Clusters;

/// <summary>A cluster with the chart installed, for one test class after the other.</summary>
public sealed class Installation : IAsyncLifetime
{
    /// <summary>Where the control plane is.</summary>
    public const string Namespace = "dapr-system";

    private static readonly string Chart = Path.Combine(Repository.Root, "charts", "dapr");
    private ICluster? cluster;
    private bool isAsShipped;

    /// <summary>The cluster.</summary>
    public ICluster Cluster => cluster!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        cluster = Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } kubeConfig ? new RealCluster(kubeConfig) : await StandInAsCluster.StartAsync();
        await EnsureAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => cluster?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Makes sure that the chart is installed as it comes.</summary>
    public async Task EnsureAsync()
    {
        if (isAsShipped)
        {
            return;
        }

        var result = await HelmAsync(
            ["upgrade", "--install", "dapr", Chart, "-n", Namespace, "--create-namespace", "--wait", "--timeout", "3m", .. Set([])]);
        if (result.Code != 0)
        {
            Assert.Fail($"helm: {result.Output}\n{await DescribeAsync(Namespace)}");
        }

        isAsShipped = true;
    }

    /// <summary>A test is about to change the installation; the next one gets it as it comes.</summary>
    public void Disturb() => isAsShipped = false;

    /// <summary><c>helm upgrade</c> of the release, with values.</summary>
    public Task<CommandResult> UpgradeAsync(params string[] values)
    {
        Disturb();
        return HelmAsync(["upgrade", "dapr", Chart, "-n", Namespace, "--wait", "--timeout", "3m", .. Set(values)]);
    }

    /// <summary>Runs <c>helm</c>.</summary>
    public Task<CommandResult> HelmAsync(params string[] arguments) => Tools.RunAsync(Cluster, Tools.Helm, arguments);

    /// <summary>Runs <c>kubectl</c>.</summary>
    public Task<CommandResult> KubectlAsync(params string[] arguments) => Tools.RunAsync(Cluster, Tools.Kubectl, arguments);

    /// <summary><c>kubectl apply</c>.</summary>
    public Task<CommandResult> ApplyAsync(string manifest, string? @namespace = null)
        => Tools.RunAsync(Cluster, Tools.Kubectl, ["apply", .. @namespace is null ? Array.Empty<string>() : ["-n", @namespace], "-f", "-"], manifest);

    /// <summary>Objects as <c>kubectl get -o json</c> shows them.</summary>
    public async Task<JsonElement> GetAsync(params string[] arguments)
        => JsonDocument.Parse((await KubectlAsync(["get", .. arguments, "-o", "json"])).Succeeded()).RootElement;

    /// <summary>The pods of the control plane with a label <c>app</c>.</summary>
    public async Task<IReadOnlyList<JsonElement>> PodsAsync(string app, string @namespace = Namespace)
        => [.. (await GetAsync("pods", "-n", @namespace, "-l", $"app={app}")).Items("items")];

    /// <summary>Waits for a rollout.</summary>
    public async Task UntilRolledOutAsync(string workload, string @namespace = Namespace)
    {
        var result = await KubectlAsync("rollout", "status", workload, "-n", @namespace, "--timeout=120s");
        if (result.Code != 0)
        {
            Assert.Fail($"{workload} did not roll out: {result.Output}\n{await DescribeAsync(@namespace)}");
        }
    }

    /// <summary>Ends a pod as a crash of its node would.</summary>
    public async Task KillAsync(string pod, string @namespace = Namespace)
        => (await KubectlAsync("delete", "pod", pod, "-n", @namespace, "--grace-period=0", "--force")).Succeeded();

    /// <summary>A namespace for a test.</summary>
    public async Task<TestNamespace> NewNamespaceAsync()
    {
        var name = "t" + Guid.NewGuid().ToString("N")[..8];
        (await KubectlAsync("create", "namespace", name)).Succeeded();
        return new TestNamespace(this, name);
    }

    /// <summary>How things stand in a namespace, for the message of a failure.</summary>
    public async Task<string> DescribeAsync(string @namespace)
    {
        var pods = (await GetAsync("pods", "-n", @namespace)).Items("items").ToList();
        var text = (await KubectlAsync("get", "pods,deployments,events", "-n", @namespace)).Output;
        foreach (var pod in pods)
        {
            foreach (var container in pod.Items("spec", "initContainers").Concat(pod.Items("spec", "containers")))
            {
                string[] logs = ["logs", "-n", @namespace, pod.Name(), "-c", container.Text("name")!, "--tail=40"];
                text += $"\n--- {pod.Name()} {container.Text("name")}\n{(await KubectlAsync(logs)).Output}";
                if (pod.Items("status", "initContainerStatuses").Concat(pod.Items("status", "containerStatuses")).Any(c => c.Text("name") == container.Text("name") && c.Number("restartCount") > 0))
                {
                    text += $"\n--- before its last restart\n{(await KubectlAsync([.. logs, "--previous"])).Output}";
                }
            }
        }

        return text + "\n" + Cluster.Diagnosis;
    }

    private IEnumerable<string> Set(IEnumerable<string> values) => Cluster.ChartValues.Concat(values).SelectMany(v => (string[])["--set", v]);
}
