using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Controllers;
using DaprK8s.Cluster.Node;
using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Objects;
using DaprK8s.KubernetesApi;

namespace DaprK8s.Cluster;

/// <summary>
/// A small Kubernetes cluster on this machine: the tests' API server, controllers for the usual workloads, and one node whose pods are
/// processes in network and mount namespaces of their own. Several can run at a time; each takes a free subnet, and each removes all
/// that it made, also when the process that holds it is killed.
/// </summary>
public sealed class StandInCluster : IAsyncDisposable
{
    private readonly string mark;
    private readonly ClusterNetwork network;
    private readonly Process watcher;
    private readonly ControllerLog log = new();
    private readonly ServiceTable services = new();
    private readonly ServiceProxy proxy = new();
    private readonly List<Controller> controllers = [];
    private readonly NameServer nameServer;
    private readonly Kubelet kubelet;

    private StandInCluster(string mark, ClusterNetwork network, Process watcher, KubernetesApiServer api, StandInOptions options)
    {
        (this.mark, this.network, this.watcher, Api) = (mark, network, watcher, api);
        nameServer = new NameServer(services, network.NameServer);
        var environment = new PodEnvironment(
            api.Objects,
            api.Tokens,
            network,
            new ImageTable(options.Executables),
            options,
            new EventRecorder(api.Objects),
            Leftovers.DirectoryOf(mark),
            Path.Combine("/dev/shm", mark),
            api.AuthorityPem);
        kubelet = new Kubelet(api.Objects, As(Kubelet.Username), environment, log);
        controllers.AddRange(
        [
            new Namespaces(api.Objects, api.AuthorityPem, log),
            new Services(api.Objects, network, services, proxy, new IPEndPoint(IPAddress.Loopback, api.Address.Port), log),
            new Deployments(api.Objects, As(Deployments.Username), log),
            new ReplicaSets(api.Objects, As(ReplicaSets.Username), log),
            new StatefulSets(api.Objects, As(StatefulSets.Username), log),
            new Jobs(api.Objects, As(Jobs.Username), log),
            kubelet,
        ]);
        api.PodLogs = new PodLogs(kubelet).WriteAsync;
        api.Services.Resolve = (@namespace, name, port) => services.Entries.TryGetValue((@namespace, name), out var service)
            ? service.Ports.FirstOrDefault(p => p.Port == port)?.Targets.FirstOrDefault()
            : null;
    }

    /// <summary>The cluster's API server.</summary>
    public KubernetesApiServer Api { get; }

    /// <summary>The name that everything of this cluster on the machine begins with.</summary>
    internal string Mark => mark;

    /// <summary>What the cluster's own parts could not do; for the message of a test that fails.</summary>
    public string Log => log.Text;

    /// <summary>Starts a cluster.</summary>
    /// <exception cref="InvalidOperationException">This process may not, or the machine lacks a tool; the message says what to do.</exception>
    public static async Task<StandInCluster> StartAsync(StandInOptions options)
    {
        Requirements.Check();
        await Leftovers.SweepAsync();
        var mark = Leftovers.NewMark();
        Directory.CreateDirectory(Leftovers.DirectoryOf(mark));
        var watcher = Leftovers.Watch(mark);
        var network = await ClusterNetwork.CreateAsync(mark);
        var api = await KubernetesApiServer.StartAsync(new KubernetesApiOptions
        {
            ServerAddresses = [network.ApiService],
            ServiceAddressPrefix = network.Prefix,
            UsesStoredRoles = true,
            RequiresServiceAccounts = true,
        });
        var cluster = new StandInCluster(mark, network, watcher, api, options);
        cluster.PutOwnObjects();
        cluster.controllers.ForEach(c => c.Start());
        return cluster;
    }

    /// <summary>The address of a pod; the machine can connect to it.</summary>
    public IPAddress? AddressOf(string @namespace, string pod) => kubelet.Find(@namespace, pod)?.Network?.Address;

    /// <summary>What a container wrote.</summary>
    /// <param name="namespace">The pod's namespace.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="container">The container; the first when absent.</param>
    /// <param name="previous">Before its last restart.</param>
    /// <returns>The file; nothing when there is no such container.</returns>
    public string? LogFile(string @namespace, string pod, string? container = null, bool previous = false)
        => Container(@namespace, pod, container)?.LogFile(previous);

    /// <summary>Kills a container's process, as a crash would.</summary>
    public void Kill(string @namespace, string pod, string? container = null)
        => (Container(@namespace, pod, container) ?? throw new ArgumentException($"there is no container {container} in {@namespace}/{pod}", nameof(container))).Kill();

    /// <summary>Runs a command in a container.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public Task<(int Code, string Output)> ExecuteAsync(string @namespace, string pod, string? container, IEnumerable<string> command, CancellationToken cancellationToken)
        => kubelet.Find(@namespace, pod) is { } worker && Container(@namespace, pod, container) is { } found
            ? worker.ExecuteAsync(found, command, cancellationToken)
            : throw new ArgumentException($"there is no container {container} in {@namespace}/{pod}", nameof(container));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var controller in controllers)
        {
            await controller.DisposeAsync();
        }

        await proxy.DisposeAsync();
        await nameServer.DisposeAsync();
        await Api.DisposeAsync();
        await network.DisposeAsync();
        watcher.Kill();
        watcher.Dispose();
        await Leftovers.RemoveAsync(mark);
    }

    private ContainerWorker? Container(string @namespace, string pod, string? container)
        => kubelet.Find(@namespace, pod) is { } worker
            ? container is null ? worker.Mains[0] : worker.Mains.Concat(worker.Inits).FirstOrDefault(c => c.Name == container)
            : null;

    private Account As(string username) => new(Api.Objects, username);

    private void PutOwnObjects()
    {
        foreach (var name in (string[])["kube-system", "kube-public"])
        {
            Api.Objects.AddNamespace(name);
        }

        Api.Objects.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["metadata"] = new JsonObject { ["name"] = Kubelet.NodeName, ["labels"] = new JsonObject { ["kubernetes.io/os"] = "linux", ["kubernetes.io/hostname"] = Kubelet.NodeName } },
            ["spec"] = new JsonObject(),
            ["status"] = new JsonObject
            {
                ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "True", ["reason"] = "KubeletReady", ["message"] = "the stand-in is ready" }),
                ["addresses"] = new JsonArray(new JsonObject { ["type"] = "InternalIP", ["address"] = network.Gateway.ToString() }),
            },
        });
        Api.Objects.Put(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Service",
            ["metadata"] = new JsonObject { ["name"] = "kubernetes", ["namespace"] = "default" },
            ["spec"] = new JsonObject { ["type"] = "ClusterIP", ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = 443 }) },
        });
    }
}
