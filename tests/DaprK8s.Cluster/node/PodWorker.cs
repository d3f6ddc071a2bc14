using System.Runtime.CompilerServices;
using System.Text.Json;
using DaprK8s.Cluster.Controllers;
using DaprK8s.Cluster.Network;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>
/// One pod, from its first volume to its last process: init containers in their order, sidecars among them staying, then the
/// containers; at the end the containers, then the sidecars in reverse.
/// </summary>
internal sealed class PodWorker
{
    private readonly PodEnvironment cluster;
    private readonly ControllerLog log;
    private readonly PodStatus status;
    private readonly CancellationTokenSource deleting = new();
    private readonly Dictionary<string, Task<int>> runs = [];
    private Sandbox? sandbox;
    private PodVolumes? volumes;
    private PodNetwork? network;
    private volatile bool mountsFail;
    private volatile StrongBox<JsonElement> latest;
    private int? deletionGrace;

    public PodWorker(PodEnvironment cluster, ControllerLog log, JsonElement pod)
    {
        (this.cluster, this.log, latest) = (cluster, log, new StrongBox<JsonElement>(pod));
        Inits = [.. pod.Items("spec", "initContainers").Select(c => new ContainerWorker(this, c, PodSpecs.IsSidecar(c)))];
        Mains = [.. pod.Items("spec", "containers").Select(c => new ContainerWorker(this, c, false))];
        status = new PodStatus(cluster.Objects, pod, cluster.Machine);
        LogDirectory = Path.Combine(cluster.Directory, "logs", pod.Uid());
        Directory.CreateDirectory(LogDirectory);
        Finished = Task.Run(RunAsync);
    }

    /// <summary>The pod's object, as it was last seen.</summary>
    public JsonElement Pod => latest.Value;

    public string Name => Pod.Name();

    public string RestartPolicy => PodSpecs.RestartPolicy(Pod);

    public StandInOptions Options => cluster.Options;

    public string LogDirectory { get; }

    /// <summary>How long its processes have to end.</summary>
    public TimeSpan Grace => TimeSpan.FromSeconds(deletionGrace ?? Pod.Number("spec", "terminationGracePeriodSeconds") ?? 30);

    public IReadOnlyList<ContainerWorker> Inits { get; }

    public IReadOnlyList<ContainerWorker> Mains { get; }

    /// <summary>Its network, as long as it has one.</summary>
    public PodNetwork? Network => network;

    /// <summary>All of it is gone.</summary>
    public Task Finished { get; }

    /// <summary>The object has changed.</summary>
    /// <param name="current">Nothing when it is no longer there.</param>
    public void Update(JsonElement? current)
    {
        if (current is { } known)
        {
            latest = new StrongBox<JsonElement>(known);
            if (known.IsBeingDeleted())
            {
                deletionGrace = known.Number("metadata", "deletionGracePeriodSeconds");
                deleting.Cancel();
            }
        }
        else
        {
            deleting.Cancel();
        }

        if (volumes is { } made && !deleting.IsCancellationRequested)
        {
            try
            {
                made.Refresh(Pod);
            }
            catch (ContainerConfigException)
            {
                // What was there stays as it was.
            }
        }
    }

    /// <summary>Ends it at once, as the cluster itself ends.</summary>
    public void Abandon()
    {
        deletionGrace = 0;
        deleting.Cancel();
    }

    /// <summary>A container by its name.</summary>
    public ContainerWorker? Container(string name) => Mains.Concat(Inits).FirstOrDefault(c => c.Name == name);

    public bool IsInit(ContainerWorker container) => Inits.Contains(container);

    public void Publish() => status.Write(Inits, Mains, network?.Address, mountsFail);

    public void Tell(string type, string reason, string message) => cluster.Events.Record(Pod, "kubelet", type, reason, message);

    public ContainerProcess StartProcess(JsonElement container, string logFile) => sandbox!.Start(Pod, container, logFile);

    public Probe Probe(JsonElement spec, JsonElement container, ContainerProcess process) => new(
        spec,
        container,
        network!.Address,
        async (command, cancellationToken) => (await Sandbox.ExecuteAsync(process, sandbox!.VariablesOf(Pod, container), command, cancellationToken)).Code);

    /// <summary>Runs a command in a container.</summary>
    public Task<(int Code, string Output)> ExecuteAsync(ContainerWorker container, IEnumerable<string> command, CancellationToken cancellationToken)
        => Sandbox.ExecuteAsync(
            container.Process ?? throw new InvalidOperationException($"container {container.Name} of {Name} does not run"),
            sandbox!.VariablesOf(Pod, container.Spec),
            command,
            cancellationToken);

    /// <summary>What a container wants done before it is asked to end.</summary>
    public async Task PreStopAsync(JsonElement container, ContainerProcess process, TimeSpan grace)
    {
        if (container.At("lifecycle", "preStop") is not { } hook)
        {
            return;
        }

        using var patience = new CancellationTokenSource(grace);
        try
        {
            if (hook.Number("sleep", "seconds") is { } seconds)
            {
                await Task.Delay(TimeSpan.FromSeconds(seconds), patience.Token);
                return;
            }

            await Probe(hook, container, process).CheckAsync(patience.Token, grace);
        }
        catch (OperationCanceledException)
        {
            // Its time is up.
        }
    }

    private async Task RunAsync()
    {
        try
        {
            await SetUpAsync();
            if (await InitialiseAsync())
            {
                foreach (var main in Mains)
                {
                    runs[main.Name] = main.RunAsync();
                }

                var all = Task.WhenAll(Mains.Select(m => runs[m.Name]));
                await Task.WhenAny(all, Task.Delay(Timeout.Infinite, deleting.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // It was deleted before it began.
        }
        catch (Exception e)
        {
            log.Failed("kubelet", Name, e);
        }

        try
        {
            await TearDownAsync();
        }
        catch (Exception e)
        {
            log.Failed("kubelet", Name, e);
        }
    }

    private async Task SetUpAsync()
    {
        network = await cluster.Network.AddPodAsync();
        volumes = new PodVolumes(cluster, Pod, network.Address);
        sandbox = new Sandbox(cluster, network, volumes, new NameServerFile(cluster.Network.NameServer, Pod.Namespace()));
        Publish();
        while (true)
        {
            deleting.Token.ThrowIfCancellationRequested();
            var change = cluster.Objects.NextChange;
            try
            {
                volumes.Refresh(Pod);
                mountsFail = false;
                return;
            }
            catch (ContainerConfigException e)
            {
                Tell("Warning", "FailedMount", $"MountVolume.SetUp failed: {e.Message}");
            }

            mountsFail = true;
            Publish();
            await Task.WhenAny(change, Task.Delay(TimeSpan.FromSeconds(1), deleting.Token));
        }
    }

    /// <summary>Runs the init containers.</summary>
    /// <returns>Whether the others may start.</returns>
    private async Task<bool> InitialiseAsync()
    {
        foreach (var init in Inits)
        {
            var run = runs[init.Name] = init.RunAsync();
            await Task.WhenAny(init.Restarts ? init.Started : run, Task.Delay(Timeout.Infinite, deleting.Token));
            deleting.Token.ThrowIfCancellationRequested();
            if (!init.Restarts && await run != 0)
            {
                return false;
            }
        }

        return true;
    }

    private async Task TearDownAsync()
    {
        var clock = DateTimeOffset.UtcNow;
        await Task.WhenAll(Mains.Concat(Inits.Where(i => !i.Restarts)).Where(c => runs.ContainsKey(c.Name)).Select(c => c.StopAsync(Grace)));
        foreach (var sidecar in Inits.Reverse().Where(i => i.Restarts && runs.ContainsKey(i.Name)))
        {
            // What is left of the pod's time, and always a moment.
            var left = Grace - (DateTimeOffset.UtcNow - clock);
            await sidecar.StopAsync(left > TimeSpan.FromSeconds(2) || deletionGrace == 0 ? left : TimeSpan.FromSeconds(2));
        }

        await Task.WhenAll(runs.Values);
        status.Write(Inits, Mains, network?.Address, false, isOver: true);
        if (network is { } used)
        {
            network = null;
            await ClusterNetwork.RemovePodAsync(used);
        }

        volumes?.Close();
        RemoveDirectory(cluster.DirectoryOf(Pod.Uid()));
        RemoveDirectory(Path.Combine(cluster.MemoryDirectory, Pod.Uid()));
    }

    private static void RemoveDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
