using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using DaprK8s.Cluster.Objects;

namespace DaprK8s.Cluster.Node;

/// <summary>One container of a pod, through its restarts.</summary>
internal sealed class ContainerWorker
{
    private readonly PodWorker pod;
    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource firstStart = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource stopping = new();
    private ContainerProcess? process;
    private ContainerState? last;
    private string containerId = "";
    private bool passedStartup;

    public ContainerWorker(PodWorker pod, JsonElement spec, bool restarts)
    {
        (this.pod, Spec, Restarts) = (pod, spec, restarts);
    }

    public JsonElement Spec { get; }

    public string Name => Spec.Text("name")!;

    /// <summary>What it does now.</summary>
    public ContainerState State { get; private set; } = new ContainerState.Waiting("PodInitializing");

    /// <summary>Whether calls may go to it.</summary>
    public bool IsReady { get; private set; }

    /// <summary>How often it has been started again.</summary>
    public int RestartCount { get; private set; }

    /// <summary>Started again whenever it ends, as a sidecar is, whatever the policy of the pod.</summary>
    public bool Restarts { get; }

    /// <summary>Its process ran once, and its startup probe was content.</summary>
    public Task Started => started.Task;

    /// <summary>Its process ran once.</summary>
    public Task FirstStart => firstStart.Task;

    /// <summary>The running process.</summary>
    public ContainerProcess? Process => State is ContainerState.Running ? process : null;

    /// <summary>The file of what it writes now, and that of what it wrote before its last restart.</summary>
    public string LogFile(bool previous = false)
        => Path.Combine(pod.LogDirectory, string.Create(CultureInfo.InvariantCulture, $"{Name}-{RestartCount - (previous ? 1 : 0)}.log"));

    /// <summary>Runs it to its last end.</summary>
    public async Task<int> RunAsync()
    {
        var ends = 0;
        while (true)
        {
            int? code = null;
            try
            {
                code = await RunOnceAsync();
            }
            catch (ContainerConfigException e)
            {
                Set(new ContainerState.Waiting(e.Reason, e.Message));
                pod.Tell("Warning", "Failed", $"Error: {e.Message}");
            }

            if (stopping.IsCancellationRequested)
            {
                return code ?? 137;
            }

            if (code is { } exit && !StartsAgain(exit))
            {
                return exit;
            }

            if (!await BackOffAsync(code is null ? 1 : ends++))
            {
                return code ?? 137;
            }

            if (code is not null)
            {
                RestartCount++;
            }
        }
    }

    /// <summary>Ends it for good: asked at first, then killed.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        await stopping.CancelAsync();
        await EndProcessAsync(grace);
    }

    /// <summary>Ends the process as a crash of the node's would.</summary>
    public void Kill() => Process?.Signal(ContainerProcess.Kill);

    public JsonObject ToStatus()
    {
        var status = new JsonObject
        {
            ["name"] = Name,
            ["image"] = Spec.Text("image"),
            ["imageID"] = "stand-in://" + Spec.Text("image"),
            ["containerID"] = containerId,
            ["ready"] = IsReady,
            ["started"] = passedStartup,
            ["restartCount"] = RestartCount,
            ["state"] = State.ToJson(),
            ["lastState"] = last?.ToJson() ?? [],
        };
        return status;
    }

    private async Task<int> RunOnceAsync()
    {
        process = pod.StartProcess(Spec, LogFile());
        var startedAt = DateTimeOffset.UtcNow;
        containerId = "stand-in://" + Guid.NewGuid().ToString("N");
        passedStartup = Spec.At("startupProbe") is null;
        IsReady = passedStartup && Spec.At("readinessProbe") is null;
        Set(new ContainerState.Running(startedAt));
        firstStart.TrySetResult();
        if (stopping.IsCancellationRequested)
        {
            // It was told to stop while it started.
            await EndProcessAsync(pod.Grace);
        }

        if (passedStartup)
        {
            started.TrySetResult();
        }

        using var probing = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        var probes = ProbeAsync(process, probing.Token);
        var code = await process.Exited;
        await probing.CancelAsync();
        await probes;
        passedStartup = false;
        IsReady = !Restarts && code == 0 && pod.IsInit(this);
        last = State is ContainerState.Terminated ? last : new ContainerState.Terminated(code, startedAt, DateTimeOffset.UtcNow, containerId);
        Set(last!);
        return code;
    }

    /// <summary>Whether the container is started again after this end; an init container that has done its work is not.</summary>
    private bool StartsAgain(int exit)
        => Restarts || (exit == 0 ? pod.RestartPolicy == "Always" && !pod.IsInit(this) : pod.RestartPolicy != "Never");

    private async Task<bool> BackOffAsync(int ends)
    {
        // The first restart is at once; a crash that repeats waits longer each time.
        var options = pod.Options;
        var wait = ends == 0 ? TimeSpan.Zero : options.FirstBackOff * Math.Pow(2, Math.Min(ends - 1, 20));
        wait = wait > options.LongestBackOff ? options.LongestBackOff : wait;
        if (wait > TimeSpan.Zero && State is ContainerState.Terminated)
        {
            Set(new ContainerState.Waiting("CrashLoopBackOff", $"back-off restarting failed container={Name} pod={pod.Name}"));
            pod.Tell("Warning", "BackOff", $"Back-off restarting failed container {Name} in pod {pod.Name}");
        }

        try
        {
            await Task.Delay(wait, stopping.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task ProbeAsync(ContainerProcess current, CancellationToken cancellationToken)
    {
        try
        {
            if (Spec.At("startupProbe") is { } startup)
            {
                await UntilAsync("Startup", startup, current, wanted: true, cancellationToken);
                passedStartup = true;
                IsReady = Spec.At("readinessProbe") is null;
                started.TrySetResult();
                pod.Publish();
            }

            await Task.WhenAll(WatchReadinessAsync(current, cancellationToken), WatchLivenessAsync(current, cancellationToken));
        }
        catch (OperationCanceledException)
        {
            // The container has ended.
        }
    }

    private async Task WatchReadinessAsync(ContainerProcess current, CancellationToken cancellationToken)
    {
        while (Spec.At("readinessProbe") is { } spec)
        {
            await UntilAsync("Readiness", spec, current, wanted: !IsReady, cancellationToken);
            IsReady = !IsReady;
            pod.Publish();
            await Task.Delay(pod.Probe(spec, Spec, current).Period, cancellationToken);
        }
    }

    private async Task WatchLivenessAsync(ContainerProcess current, CancellationToken cancellationToken)
    {
        if (Spec.At("livenessProbe") is { } spec)
        {
            await UntilAsync("Liveness", spec, current, wanted: false, cancellationToken);
            pod.Tell("Normal", "Killing", $"Container {Name} failed liveness probe, will be restarted");
            await EndProcessAsync(pod.Grace);
        }
    }

    /// <summary>Probes until it has been content, or not, often enough in a row. A startup probe that never is ends the container.</summary>
    private async Task UntilAsync(string kind, JsonElement spec, ContainerProcess current, bool wanted, CancellationToken cancellationToken)
    {
        var probe = pod.Probe(spec, Spec, current);
        if (State is ContainerState.Running running && running.Since + probe.InitialDelay - DateTimeOffset.UtcNow is { Ticks: > 0 } delay)
        {
            await Task.Delay(delay, cancellationToken);
        }

        var (good, bad) = (0, 0);
        while (true)
        {
            var problem = await probe.CheckAsync(cancellationToken);
            (good, bad) = problem is null ? (good + 1, 0) : (0, bad + 1);
            if (problem is not null)
            {
                pod.Tell("Warning", "Unhealthy", $"{kind} probe failed: {problem}");
            }

            if (wanted ? good >= probe.SuccessThreshold : bad >= probe.FailureThreshold)
            {
                return;
            }

            if (kind == "Startup" && bad >= probe.FailureThreshold)
            {
                pod.Tell("Normal", "Killing", $"Container {Name} failed startup probe, will be restarted");
                await EndProcessAsync(pod.Grace);
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            await Task.Delay(probe.Period, cancellationToken);
        }
    }

    private async Task EndProcessAsync(TimeSpan grace)
    {
        if (Process is not { } current)
        {
            return;
        }

        var patience = Task.Delay(grace);
        await Task.WhenAny(pod.PreStopAsync(Spec, current, grace), patience, current.Exited);
        current.Signal(ContainerProcess.Terminate);
        if (await Task.WhenAny(current.Exited, patience) == patience)
        {
            current.Signal(ContainerProcess.Kill);
        }

        await current.Exited;
    }

    private void Set(ContainerState state)
    {
        State = state;
        pod.Publish();
    }
}
